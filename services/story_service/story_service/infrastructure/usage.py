"""Windows, reservations and the ledger in Postgres. The limit is enforced by the statement that reserves."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, func, literal_column, select, text, tuple_, union_all, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from common_service.statements import Compiled, insert_later, later, row, rows, update_later
from story_service.domain.generation import OPEN, Generation
from story_service.domain.grants import Grant
from story_service.domain.ids import GenerationId, ReservationId, UserId
from story_service.domain.ledger import GENESIS, Balance, Head, LedgerEntry
from story_service.domain.usage import GrantReading, Line, Meter, Window
from story_service.infrastructure.grants import burnt, grant_of, reserve_of_grant, settle_of_grant
from story_service.infrastructure.rows import entry_of, ledger_values
from story_service.infrastructure.tables import GenerationRow
from story_service.infrastructure.usage_tables import (
    GrantRow,
    HeadRow,
    LedgerRow,
    LineRow,
    ReservationRow,
    WindowRow,
)

_UNLIMITED = 2**62
_RESERVE = Compiled(
    text(
        """
    INSERT INTO story.usage_windows AS w (user_id, meter, window_start, window_end, reserved)
    SELECT CAST(:user AS uuid), :meter, CAST(:start AS timestamptz), CAST(:end AS timestamptz), CAST(:n AS bigint)
     WHERE CAST(:n AS bigint) <= CAST(:limit AS bigint)
    ON CONFLICT (user_id, meter, window_start) DO UPDATE SET reserved = w.reserved + excluded.reserved
     WHERE w.reserved + w.settled + excluded.reserved <= CAST(:limit AS bigint)
    RETURNING reserved, settled
    """
    )
)
_LOCK = Compiled(
    upsert(HeadRow)
    .values(user_id=bindparam("reader"), seq=0, hash=GENESIS)
    .on_conflict_do_update(index_elements=["user_id"], set_={"seq": HeadRow.seq})
    .returning(HeadRow.seq, HeadRow.hash)
)
_CLOSE = Compiled(
    update(ReservationRow)
    .where(ReservationRow.generation_id == bindparam("generation"), ReservationRow.state == "open")
    .values(state=bindparam("ending"), closed_at=bindparam("now"))
    .returning(ReservationRow.id)
)
_LINES = Compiled(
    select(LineRow.__table__)
    .where(LineRow.__table__.c.reservation_id == bindparam("reservation"))
    .order_by(LineRow.__table__.c.line_no)
)
_SETTLE_LINE = Compiled(
    update(LineRow)
    .where(
        LineRow.reservation_id == bindparam("reservation"),
        LineRow.meter == bindparam("of_meter"),
        LineRow.grant_id.is_not_distinct_from(bindparam("of_grant")),
    )
    .values(settled=bindparam("amount"))
)
_SETTLE_WINDOW = Compiled(
    update(WindowRow)
    .where(
        WindowRow.user_id == bindparam("reader"),
        WindowRow.meter == bindparam("of_meter"),
        WindowRow.window_start == bindparam("start"),
    )
    .values(
        reserved=WindowRow.reserved - bindparam("held", type_=BigInteger),
        settled=WindowRow.settled + bindparam("amount", type_=BigInteger),
    )
    .returning(WindowRow.reserved, WindowRow.settled)
)


class SqlUsageBook:
    """The usage of readers as one transaction sees it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, user_id: UserId) -> Head:
        """Take the row of the chain's end, made if need be."""
        [end] = await rows(self._session, _LOCK, {"reader": user_id})
        return Head(end.seq, end.hash)

    async def reserve(self, user_id: UserId, line: Line, limit: int | None) -> Meter | None:
        """Run the reserve statement of api.md 6.4, or the like of it for a grant."""
        if line.grant:
            return await reserve_of_grant(self._session, user_id, line.grant, line.reserved)
        values = {"user": user_id, "meter": line.meter, "start": line.window.start, "end": line.window.end}
        most = _UNLIMITED if limit is None else limit
        held = await row(self._session, _RESERVE, {**values, "n": line.reserved, "limit": most})
        return Meter(held.reserved, held.settled) if held else None

    async def holding(self, user_id: UserId, meter: str, window: Window) -> Meter:
        """Read a window; one that was never used is empty."""
        query = select(WindowRow.reserved, WindowRow.settled).where(
            WindowRow.user_id == user_id, WindowRow.meter == meter, WindowRow.window_start == window.start
        )
        row = (await self._session.execute(query)).first()
        return Meter(row.reserved, row.settled) if row else Meter()

    async def holdings(self, user_id: UserId, windows: Mapping[str, Window]) -> dict[str, Meter]:
        """Read the windows by one statement."""
        wanted = [(meter, window.start) for meter, window in windows.items()]
        query = select(WindowRow.meter, WindowRow.reserved, WindowRow.settled).where(
            WindowRow.user_id == user_id, tuple_(WindowRow.meter, WindowRow.window_start).in_(wanted)
        )
        rows = (await self._session.execute(query)).all()
        return dict.fromkeys(windows, Meter()) | {row.meter: Meter(row.reserved, row.settled) for row in rows}

    async def burnt(self, grants: Sequence[Grant]) -> tuple[GrantReading, ...]:
        """Read grants by one statement."""
        return await burnt(self._session, grants)

    async def open(
        self, reservation_id: ReservationId, generation: Generation, lines: Sequence[Line], expires_at: datetime
    ) -> None:
        """Insert a reservation and its lines."""
        reservation = {
            "id": reservation_id,
            "generation_id": generation.id,
            "payer_id": generation.user_id,
            "state": "open",
            "expires_at": expires_at,
            "created_at": generation.created_at,
        }
        insert_later(self._session, ReservationRow, reservation)
        for number, line in enumerate(lines, 1):
            part = {
                "reservation_id": reservation_id,
                "line_no": number,
                "meter": line.meter,
                "source": "grant" if line.grant else "window",
                "window_start": None if line.grant else line.window.start,
                "window_end": None if line.grant else line.window.end,
                "grant_id": line.grant.id if line.grant else None,
                "reserved": line.reserved,
            }
            insert_later(self._session, LineRow, part)

    async def close(
        self, generation_id: GenerationId, *, settled: bool, now: datetime
    ) -> tuple[ReservationId, list[Line]] | None:
        """Compare and set; whoever gets the row goes on."""
        ended = {"generation": generation_id, "ending": "settled" if settled else "released", "now": now}
        reservation = await row(self._session, _CLOSE, ended)
        if reservation is None:
            return None
        reservation_id = ReservationId(reservation.id)
        parts = await rows(self._session, _LINES, {"reservation": reservation_id})
        if all(part.grant_id is None for part in parts):
            return reservation_id, [_line(part, None) for part in parts]
        query = (
            select(LineRow, GrantRow)
            .outerjoin(GrantRow, GrantRow.id == LineRow.grant_id)
            .where(LineRow.reservation_id == reservation_id)
            .order_by(LineRow.line_no)
        )
        found = (await self._session.execute(query)).all()
        return reservation_id, [_line(part, grant_of(grant)) for part, grant in found]

    async def settle(self, user_id: UserId, reservation_id: ReservationId, line: Line) -> Meter:
        """Move the line's amount within its window or grant."""
        grant_id = line.grant.id if line.grant else None
        charged = {"reservation": reservation_id, "of_meter": line.meter, "of_grant": grant_id, "amount": line.settled}
        later(self._session, _SETTLE_LINE, charged)
        if grant_id:
            return await settle_of_grant(self._session, grant_id, line)
        moved = {"reader": user_id, "of_meter": line.meter, "start": line.window.start}
        moved |= {"held": line.reserved, "amount": line.settled or 0}
        [left] = await rows(self._session, _SETTLE_WINDOW, moved)
        return Meter(left.reserved, left.settled)

    async def refund(self, user_id: UserId, meter: str, window: Window, amount: int) -> Meter | None:
        """Compare and set."""
        statement = (
            update(WindowRow)
            .where(
                WindowRow.user_id == user_id,
                WindowRow.meter == meter,
                WindowRow.window_start == window.start,
                WindowRow.settled >= amount,
            )
            .values(settled=WindowRow.settled - amount)
            .returning(WindowRow.reserved, WindowRow.settled)
        )
        row = (await self._session.execute(statement)).first()
        return Meter(row.reserved, row.settled) if row else None

    async def overdue(self, now: datetime, most: int) -> list[tuple[UserId, GenerationId]]:
        """Read them by the index of open ones, the oldest first; another process takes what is locked elsewhere."""
        query = (
            select(ReservationRow.payer_id, ReservationRow.generation_id)
            .join(GenerationRow, GenerationRow.id == ReservationRow.generation_id)
            .where(
                ReservationRow.state == literal_column("'open'"),  # as the index has it
                ReservationRow.expires_at < now,
                GenerationRow.state.not_in(OPEN),
            )
            .order_by(ReservationRow.expires_at)
            .limit(most)
        )
        rows = (await self._session.execute(query)).all()
        return [(UserId(payer), GenerationId(generation)) for payer, generation in rows]

    async def post(self, user_id: UserId, entries: Sequence[LedgerEntry], head: Head) -> None:
        """Add entries and move the end of the chain."""
        for entry in entries:
            insert_later(self._session, LedgerRow, ledger_values(entry))
        update_later(self._session, HeadRow, {"user_id": user_id}, {"seq": head.seq, "hash": head.hash})

    async def entries(self, user_id: UserId) -> list[LedgerEntry]:
        """Read a reader's whole chain."""
        rows = await self._session.scalars(
            select(LedgerRow).where(LedgerRow.user_id == user_id).order_by(LedgerRow.seq)
        )
        return [entry_of(row) for row in rows]

    async def head(self, user_id: UserId) -> Head:
        """Read the end of the chain."""
        query = select(HeadRow.seq, HeadRow.hash).where(HeadRow.user_id == user_id)
        row = (await self._session.execute(query)).first()
        return Head(row.seq, row.hash) if row else Head()

    async def page(self, user_id: UserId, *, before: int | None, most: int) -> list[LedgerEntry]:
        """Read backwards."""
        query = select(LedgerRow).where(LedgerRow.user_id == user_id)
        if before is not None:
            query = query.where(LedgerRow.seq < before)
        rows = await self._session.scalars(query.order_by(LedgerRow.seq.desc()).limit(most))
        return [entry_of(row) for row in rows]

    async def balances(self, user_id: UserId) -> dict[str, Balance]:
        """Sum the windows and grants, and the lines of open reservations beside them."""
        held = (
            select(LineRow.meter, func.sum(LineRow.reserved).label("held"))
            .join(ReservationRow, ReservationRow.id == LineRow.reservation_id)
            .where(ReservationRow.payer_id == user_id, ReservationRow.state == "open")
            .group_by(LineRow.meter)
            .subquery()
        )
        windows = select(WindowRow.meter, WindowRow.reserved, WindowRow.settled).where(WindowRow.user_id == user_id)
        grants = select(GrantRow.meter, GrantRow.reserved, GrantRow.settled).where(GrantRow.user_id == user_id)
        book = union_all(windows, grants).subquery()
        query = (
            select(book.c.meter, func.sum(book.c.reserved), func.sum(book.c.settled), func.max(held.c.held))
            .outerjoin(held, held.c.meter == book.c.meter)
            .group_by(book.c.meter)
        )
        rows = (await self._session.execute(query)).all()
        return {meter: Balance(int(reserved), int(settled), int(held or 0)) for meter, reserved, settled, held in rows}


def _line(row: LineRow, grant: Grant | None) -> Line:
    if grant:
        return Line(row.meter, Window(grant.effective_at, grant.expires_at), row.reserved, row.settled, grant)
    assert row.window_start is not None, "what is no grant's is a window's"
    assert row.window_end is not None, "a window has two ends"
    return Line(row.meter, Window(row.window_start, row.window_end), row.reserved, row.settled)
