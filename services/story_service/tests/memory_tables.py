"""What the memory stores hold, and the book of usage over it."""
# ruff: noqa: ARG002 - the signatures are those of the port

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.story_service.tests.memory_catalog import CatalogTables
from services.story_service.tests.memory_characters import CharacterTables
from services.story_service.tests.memory_library import LibraryTables
from story_service.application.ports import Acceptance
from story_service.domain.analysing.analysis import Analysis
from story_service.domain.cases.case_file import CaseFile
from story_service.domain.chunks import Chunk
from story_service.domain.events import Event
from story_service.domain.generation import Generation
from story_service.domain.grants import Grant
from story_service.domain.ids import GenerationId, GrantId, ReservationId, StoryId, UserId
from story_service.domain.ledger import Balance, Head, LedgerEntry
from story_service.domain.moderation import Decision
from story_service.domain.revisions.revision import Revision
from story_service.domain.story import Story
from story_service.domain.usage import GrantReading, Line, Meter, Window


@dataclass
class Reservation:
    id: ReservationId
    user_id: UserId
    lines: list[Line]
    expires_at: datetime
    state: str = "open"


@dataclass
class Tables:
    """Everything that a database would hold."""

    attempts: dict[tuple[UserId, str, str], tuple[bytes, Acceptance | None]] = field(default_factory=dict)
    stories: dict[StoryId, Story] = field(default_factory=dict)
    catalog: CatalogTables = field(default_factory=CatalogTables)
    characters: CharacterTables = field(default_factory=CharacterTables)
    library: LibraryTables = field(default_factory=LibraryTables)
    revisions: dict[StoryId, list[Revision]] = field(default_factory=dict)
    analyses: list[Analysis] = field(default_factory=list)
    clones: dict[tuple[UserId, str], tuple[bytes, Story | None]] = field(default_factory=dict)
    generations: dict[GenerationId, Generation] = field(default_factory=dict)
    logs: dict[GenerationId, list[Chunk]] = field(default_factory=dict)
    windows: dict[tuple[UserId, str, datetime], Meter] = field(default_factory=dict)
    grants: dict[GrantId, tuple[UserId, Grant, Meter]] = field(default_factory=dict)
    reservations: dict[GenerationId, Reservation] = field(default_factory=dict)
    entries: dict[UserId, list[LedgerEntry]] = field(default_factory=dict)
    heads: dict[UserId, Head] = field(default_factory=dict)
    case_files: dict[UUID, CaseFile] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    facts: list[Event] = field(default_factory=list)


class MemoryUsageBook:
    def __init__(self, tables: Tables) -> None:
        self._tables, self._windows = tables, tables.windows

    async def lock(self, user_id: UserId) -> Head:
        return self._tables.heads.get(user_id, Head())

    async def reserve(self, user_id: UserId, line: Line, limit: int | None) -> Meter | None:
        held, limit = self._held_by(user_id, line), line.grant.amount if line.grant else limit
        if limit is not None and held.used + line.reserved > limit:
            return None
        return self._put(user_id, line, replace(held, reserved=held.reserved + line.reserved))

    async def holding(self, user_id: UserId, meter: str, window: Window) -> Meter:
        return self._windows.get((user_id, meter, window.start), Meter())

    async def holdings(self, user_id: UserId, windows: Mapping[str, Window]) -> dict[str, Meter]:
        return {meter: await self.holding(user_id, meter, window) for meter, window in windows.items()}

    async def burnt(self, grants: Sequence[Grant]) -> tuple[GrantReading, ...]:
        used = {grant_id: meter for grant_id, (_, _, meter) in self._tables.grants.items()}
        return tuple(GrantReading(grant, used.get(grant.id, Meter())) for grant in grants)

    async def open(
        self, reservation_id: ReservationId, generation: Generation, lines: Sequence[Line], expires_at: datetime
    ) -> None:
        self._tables.reservations[generation.id] = Reservation(
            reservation_id, generation.user_id, list(lines), expires_at
        )

    async def close(
        self, generation_id: GenerationId, *, settled: bool, now: datetime
    ) -> tuple[ReservationId, list[Line]] | None:
        reservation = self._tables.reservations.get(generation_id)
        if reservation is None or reservation.state != "open":
            return None
        reservation.state = "settled" if settled else "released"
        return reservation.id, list(reservation.lines)

    async def settle(self, user_id: UserId, reservation_id: ReservationId, line: Line) -> Meter:
        held = self._held_by(user_id, line)
        settled = line.settled or 0
        assert settled <= line.reserved, "the price cap"
        return self._put(user_id, line, Meter(held.reserved - line.reserved, held.settled + settled))

    async def refund(self, user_id: UserId, meter: str, window: Window, amount: int) -> Meter | None:
        held = await self.holding(user_id, meter, window)
        if held.settled < amount:
            return None
        return self._put(user_id, Line(meter, window, 0), replace(held, settled=held.settled - amount))

    async def overdue(self, now: datetime, most: int) -> list[tuple[UserId, GenerationId]]:
        return [
            (reservation.user_id, generation_id)
            for generation_id, reservation in self._tables.reservations.items()
            if reservation.state == "open"
            and reservation.expires_at < now
            and not self._tables.generations[generation_id].is_open
        ][:most]

    async def post(self, user_id: UserId, entries: Sequence[LedgerEntry], head: Head) -> None:
        self._tables.entries.setdefault(user_id, []).extend(entries)
        self._tables.heads[user_id] = head

    async def entries(self, user_id: UserId) -> list[LedgerEntry]:
        return list(self._tables.entries.get(user_id, []))

    async def head(self, user_id: UserId) -> Head:
        return self._tables.heads.get(user_id, Head())

    async def page(self, user_id: UserId, *, before: int | None, most: int) -> list[LedgerEntry]:
        newest = reversed(self._tables.entries.get(user_id, []))
        return [entry for entry in newest if before is None or entry.seq < before][:most]

    async def balances(self, user_id: UserId) -> dict[str, Balance]:
        found: dict[str, Balance] = {}
        windows = [(user, meter, window) for (user, meter, _), window in self._windows.items()]
        for user, meter, window in [*windows, *((u, g.meter, held) for u, g, held in self._tables.grants.values())]:
            if user == user_id:
                sums = found.get(meter, Balance(0, 0, self._held(user_id, meter)))
                found[meter] = Balance(sums.reserved + window.reserved, sums.settled + window.settled, sums.held)
        return found

    def _held(self, user_id: UserId, meter: str) -> int:
        open_ones = [r for r in self._tables.reservations.values() if (r.user_id, r.state) == (user_id, "open")]
        return sum(line.reserved for r in open_ones for line in r.lines if line.meter == meter)

    def _held_by(self, user_id: UserId, line: Line) -> Meter:
        if line.grant:
            return self._tables.grants.get(line.grant.id, (user_id, line.grant, Meter()))[2]
        return self._windows.get((user_id, line.meter, line.window.start), Meter())

    def _put(self, user_id: UserId, line: Line, meter: Meter) -> Meter:
        if line.grant:
            self._tables.grants[line.grant.id] = user_id, line.grant, meter
            return meter
        self._windows[user_id, line.meter, line.window.start] = meter
        return meter
