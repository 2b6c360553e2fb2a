"""What usage looks like over the wire."""

from dataclasses import asdict
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import Field

from common_service.pagination import Page
from story_service.api.schemas import Billing, KindName, State, UsageOut, Wire, kind_name, story_id, usage_out
from story_service.application.read_usage import UsageReport, UserUsage
from story_service.domain.generation import Generation
from story_service.domain.ledger import Audit, Head, LedgerEntry
from story_service.domain.usage import GrantReading, MeterReading


class GrantOut(Wire):
    """Units on top of the plan, which are used when the window is exhausted."""

    id: UUID
    amount: int
    reserved: int
    settled: int
    remaining: int
    priority: int
    starts_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, reading: GrantReading) -> Self:
        """Show a grant."""
        grant, now = reading.grant, reading.now
        return cls(
            id=grant.id,
            amount=grant.amount,
            reserved=now.reserved,
            settled=now.settled,
            remaining=reading.free,
            priority=grant.priority,
            starts_at=grant.effective_at,
            expires_at=grant.expires_at,
        )


class MeterOut(Wire):
    """One meter: `limit` is null and `unlimited` true where there is none. `remaining` is what the window has left."""

    limit: int | None
    unlimited: bool
    window: str
    reserved: int
    settled: int
    remaining: int | None
    starts_at: datetime | None
    resets_at: datetime | None
    grants: list[GrantOut] = Field(description="In the order in which they are used.")

    @classmethod
    def of(cls, reading: MeterReading) -> Self:
        """Show a meter."""
        window = reading.window
        return cls(
            limit=reading.limit.amount,
            unlimited=reading.limit.amount is None,
            window=reading.limit.window,
            reserved=reading.now.reserved,
            settled=reading.now.settled,
            remaining=reading.remaining,
            starts_at=window.start if window else None,
            resets_at=window.end if window else None,
            grants=[GrantOut.of(each) for each in reading.grants],
        )


class HeadOut(Wire):
    """The end of a ledger: whoever keeps it can tell later whether the past was changed."""

    seq: int
    hash: str

    @classmethod
    def of(cls, head: Head) -> Self:
        """Show it."""
        return cls(seq=head.seq, hash=head.hash.hex())


class LedgerEntryOut(Wire):
    """One movement of a meter. Hashes in hexadecimal digits."""

    seq: int
    meter: str
    kind: Literal["reserve", "settle", "release", "adjust"]
    amount: int
    reserved_after: int
    settled_after: int
    reservation_id: UUID | None = Field(description="Null where an admin gave something back.")
    grant_id: UUID | None = Field(description="The grant that it was taken from; null where it was the window.")
    ref: str | None = Field(description="Why an admin gave something back.")
    occurred_at: datetime
    prev_hash: str
    hash: str

    @classmethod
    def of(cls, entry: LedgerEntry) -> Self:
        """Show an entry."""
        return cls(
            seq=entry.seq,
            **asdict(entry.posting),
            reservation_id=entry.reservation_id,
            ref=entry.ref,
            occurred_at=entry.occurred_at,
            prev_hash=entry.prev_hash.hex(),
            hash=entry.hash.hex(),
        )


class LedgerPageOut(Page[LedgerEntryOut]):
    """Entries, and where the ledger ends now."""

    head: HeadOut

    @classmethod
    def of(cls, entries: list[LedgerEntry], head: Head, next_cursor: str | None) -> Self:
        """Show a page."""
        items = [LedgerEntryOut.of(entry) for entry in entries]
        return cls(items=items, next_cursor=next_cursor, head=HeadOut.of(head))


class AuditOut(Wire):
    """What a check of a whole ledger found."""

    ok: bool
    entries: int
    head: HeadOut
    first_bad: int | None
    disagreeing: list[str]

    @classmethod
    def of(cls, audit: Audit) -> Self:
        """Show it."""
        return cls(
            ok=audit.is_sound,
            entries=audit.entries,
            head=HeadOut.of(audit.head),
            first_bad=audit.first_bad,
            disagreeing=list(audit.disagreeing),
        )


class UsageReportOut(Wire):
    """What is used of what the plan includes, and the end of the ledger that proves it."""

    plan: str
    state: str
    meters: dict[str, MeterOut]
    ledger: HeadOut

    @classmethod
    def of(cls, report: UsageReport) -> Self:
        """Show a reader's usage."""
        meters = {reading.meter: MeterOut.of(reading) for reading in report.meters}
        return cls(plan=report.access.plan, state=report.access.state, meters=meters, ledger=HeadOut.of(report.head))


class TotalsOut(Wire):
    """Sums over all time."""

    stories: int
    tokens: int
    cost_micros: int


class GenerationLine(Wire):
    """A generation for an admin: numbers, no text."""

    id: UUID
    kind: KindName
    story_id: UUID | None
    state: State
    billing: Billing
    model: str
    usage: UsageOut | None
    cost_micros: int | None
    error_code: str | None
    created_at: datetime
    first_token_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, generation: Generation) -> Self:
        """Show a generation."""
        return cls(
            id=generation.id,
            kind=kind_name(generation),
            story_id=story_id(generation),
            state=generation.state.value,
            billing=generation.billing.value,
            model=generation.model,
            usage=usage_out(generation),
            cost_micros=generation.cost_micros,
            error_code=generation.error_code,
            created_at=generation.created_at,
            first_token_at=generation.first_token_at,
            finished_at=generation.finished_at,
        )


class TroubledOut(GenerationLine):
    """A generation that failed, or that nobody ends: whose, and how often it was tried."""

    user_id: UUID
    attempt: int

    @classmethod
    def of(cls, generation: Generation) -> Self:
        """Show it."""
        line = GenerationLine.of(generation).model_dump()
        return cls(**line, user_id=generation.user_id, attempt=generation.attempt)


class UserUsageOut(UsageReportOut):
    """A user's usage for an admin."""

    user_id: UUID
    totals: TotalsOut
    generations: list[GenerationLine]

    @classmethod
    def of_user(cls, user_id: UUID, usage: UserUsage) -> Self:
        """Show it."""
        report = UsageReportOut.of(usage.report)
        totals = usage.totals
        return cls(
            user_id=user_id,
            plan=report.plan,
            state=report.state,
            meters=report.meters,
            ledger=report.ledger,
            totals=TotalsOut(stories=totals.stories, tokens=totals.tokens, cost_micros=totals.cost_micros),
            generations=[GenerationLine.of(generation) for generation in usage.generations],
        )
