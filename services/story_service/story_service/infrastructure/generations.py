"""Generations in Postgres. Every write names the fence it holds; the log grows by one statement a window."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    bindparam,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from common_service.statements import Compiled, insert_later, later, row, table_of, update_later
from story_service.application.ports import Totals
from story_service.domain.chunks import Chunk, Draft
from story_service.domain.generation import LEASE, OPEN, QUEUE_TIMEOUT, Ending, Generation, State, Trouble
from story_service.domain.ids import GenerationId, UserId
from story_service.domain.pricing import Bill, CatalogModel
from story_service.domain.usage import TOKENS
from story_service.infrastructure.documents import usage_document
from story_service.infrastructure.rows import generation_of, generation_values
from story_service.infrastructure.tables import ChunkRow, GenerationRow, WindowRow
from story_service.infrastructure.usage_tables import GrantRow

CHANNEL = "story_chunks"
_ALL = table_of(GenerationRow)
_STATES = ",".join(f"'{state.value}'" for state in sorted(OPEN))
_STILL_OPEN = text(f"state IN ({_STATES})")  # as the indexes have it
_TURNS = Compiled(
    select(func.count(func.coalesce(_ALL.c.chain_id, _ALL.c.id).distinct()).label("turns")).where(
        _ALL.c.payer_id == bindparam("reader"), _STILL_OPEN
    )
)
_LEASE = Compiled(
    update(_ALL)
    .where(_ALL.c.id == bindparam("generation"), _ALL.c.state == State.ACCEPTED.value, _ALL.c.waits_for.is_(None))
    .values(
        state=State.RUNNING.value,
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
        fence=_ALL.c.fence + 1,
        attempt=_ALL.c.attempt + 1,
        started_at=func.coalesce(_ALL.c.started_at, bindparam("now")),
    )
    .returning(*_ALL.c)
)
_HELD = _ALL.c.id == bindparam("generation"), _ALL.c.fence == bindparam("held"), _STILL_OPEN
_CLOSED = ("state", "billing_state", "usage", "usage_estimated", "cost_micros", "error_code", "finished_at")
_CLOSE = Compiled(
    update(_ALL)
    .where(*_HELD)
    .values({name: bindparam(name) for name in _CLOSED} | {"lease_until": null(), "fence": _ALL.c.fence + 1})
    .returning(*_ALL.c)
)
_APPEND = Compiled(
    text(
        """
    WITH mine AS (
      UPDATE story.generations
         SET last_seq = last_seq + cardinality(CAST(:kinds AS text[])),
             first_token_at = CASE WHEN 'delta' = ANY (CAST(:kinds AS text[])) THEN coalesce(first_token_at, :now)
                                   ELSE first_token_at END
       WHERE id = CAST(:id AS uuid) AND fence = :fence AND state IN ('running','finishing')
   RETURNING id, last_seq - cardinality(CAST(:kinds AS text[])) AS before, last_seq),
    kept AS (
      INSERT INTO story.generation_chunks (generation_id, seq, kind, data)
      SELECT mine.id, mine.before + draft.number, draft.kind, draft.data
        FROM mine, unnest(CAST(:kinds AS text[]), CAST(:data AS text[])) WITH ORDINALITY AS draft(kind, data, number))
    SELECT before, pg_notify(:channel, id || ' ' || last_seq) FROM mine
    """
    )
)
_NOTIFY = Compiled(select(func.pg_notify(CHANNEL, bindparam("said"))))


class SqlGenerations:
    """Generations as one transaction sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, generation: Generation, opening: Draft) -> None:
        """Insert one with its first event."""
        insert_later(self._session, GenerationRow, generation_values(generation))
        first = {"generation_id": generation.id, "seq": 1, "kind": opening.kind, "data": opening.data}
        insert_later(self._session, ChunkRow, first)

    async def find(self, generation_id: GenerationId, *, lock: bool = False) -> Generation | None:
        """Read one; `lock` holds it to the end of the transaction."""
        query = select(GenerationRow).where(GenerationRow.id == generation_id)
        row = await self._session.scalar(query.with_for_update() if lock else query)
        return generation_of(row) if row else None

    async def open_of(self, user_id: UserId) -> int:
        """Count the turns that this reader's calls take."""
        found = await row(self._session, _TURNS, {"reader": user_id})
        return int(found.turns)

    async def waiting_for(self, generation: Generation) -> list[Generation]:
        """Follow the chain from behind it."""
        if generation.chain_id is None:
            return []
        query = select(GenerationRow).where(GenerationRow.chain_id == generation.chain_id, _is_open())
        rows = {row.waits_for: row for row in await self._session.scalars(query.with_for_update())}
        waiting, last = [], generation.id
        while row := rows.get(last):
            waiting.append(generation_of(row))
            last = GenerationId(row.id)
        return waiting

    async def release_waiting(self, closed: Generation, now: datetime) -> GenerationId | None:
        """Let the next of the chain be taken."""
        behind = GenerationRow.chain_id == closed.chain_id, GenerationRow.waits_for == closed.id, _is_open()
        freed = update(GenerationRow).where(*behind).values(waits_for=None, queued_at=now).returning(GenerationRow.id)
        following = await self._session.scalar(freed)
        return GenerationId(following) if following else None

    async def open_at(
        self, user_id: UserId, target_id: UUID, kinds: Collection[str], *, besides: GenerationId | None = None
    ) -> bool:
        """Look through the few that this reader has open."""
        query = select(GenerationRow.id).where(GenerationRow.payer_id == user_id, _is_open())
        query = query.where(GenerationRow.target_id == target_id, GenerationRow.kind.in_(sorted(kinds)))
        if besides:
            query = query.where(GenerationRow.id != besides)
        return await self._session.scalar(query.limit(1)) is not None

    async def lease(self, generation_id: GenerationId, owner: str, now: datetime) -> Generation | None:
        """Take an accepted one."""
        values = {"generation": generation_id, "owner": owner, "until": now + LEASE, "now": now}
        taken = await row(self._session, _LEASE, values)
        return generation_of(taken) if taken else None

    async def beat(self, generation: Generation, now: datetime) -> bool:
        """Prolong the lease."""
        return await self._guarded(generation, lease_until=now + LEASE)

    async def append(self, generation: Generation, drafts: Sequence[Draft], now: datetime) -> list[Chunk] | None:
        """Add events by one statement and wake who follows them elsewhere."""
        values = {"id": generation.id, "fence": generation.fence, "now": now, "channel": CHANNEL}
        said = {"kinds": [draft.kind for draft in drafts], "data": [draft.data for draft in drafts]}
        kept = await row(self._session, _APPEND, values | said)
        if kept is None:
            return None
        return [Chunk(kept.before + number, draft.kind, draft.data) for number, draft in enumerate(drafts, 1)]

    async def written_by(self, generation: Generation, model: CatalogModel) -> bool:
        """Name the model and its provider."""
        return await self._guarded(generation, model=model.model, provider=model.provider)

    async def finish(self, generation: Generation) -> bool:
        """Note that the provider is done."""
        return await self._guarded(generation, state=State.FINISHING)

    async def close(self, generation: Generation, ending: Ending, bill: Bill, now: datetime) -> Generation | None:
        """Compare the fence and end it."""
        closed = {
            "state": ending.state.value,
            "billing_state": ending.billing.value,
            "usage": usage_document(ending.usage, bill.price),
            "usage_estimated": bool(ending.usage and ending.usage.estimated),
            "cost_micros": bill.cost_micros,
            "error_code": ending.error,
            "finished_at": now,
        }
        held = {"generation": generation.id, "held": generation.fence}
        ended = await row(self._session, _CLOSE, closed | held)
        return generation_of(ended) if ended else None

    async def conclude(self, generation: Generation, drafts: Sequence[Draft]) -> list[Chunk]:
        """Add the last events."""
        chunks = [Chunk(generation.last_seq + n, draft.kind, draft.data) for n, draft in enumerate(drafts, 1)]
        for chunk in chunks:
            event = {"generation_id": generation.id, "seq": chunk.seq, "kind": chunk.kind, "data": chunk.data}
            insert_later(self._session, ChunkRow, event)
        update_later(self._session, GenerationRow, {"id": generation.id}, {"last_seq": chunks[-1].seq})
        later(self._session, _NOTIFY, {"said": f"{generation.id} {chunks[-1].seq}"})
        return chunks

    async def requeue(self, generation: Generation) -> bool:
        """Give it back."""
        return await self._guarded(
            generation, state=State.ACCEPTED, lease_until=None, lease_owner=None, fence=GenerationRow.fence + 1
        )

    async def unattended(self, now: datetime, *, grace: datetime, most: int) -> list[Generation]:
        """Return open ones whose lease has lapsed, and accepted ones that nobody took."""
        since = func.coalesce(GenerationRow.queued_at, GenerationRow.created_at)
        waiting = (GenerationRow.state == State.ACCEPTED) & (since < grace) & GenerationRow.waits_for.is_(None)
        lapsed = (GenerationRow.state != State.ACCEPTED) & (GenerationRow.lease_until < now)
        query = select(GenerationRow).where(_is_open(), or_(waiting, lapsed))
        query = (
            query.order_by(GenerationRow.priority.desc(), GenerationRow.created_at)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        return [generation_of(row) for row in await self._session.scalars(query)]

    async def log(self, generation_id: GenerationId, after: int) -> list[Chunk]:
        """Return the events behind a position, in order."""
        query = select(ChunkRow.seq, ChunkRow.kind, ChunkRow.data).order_by(ChunkRow.seq)
        query = query.where(ChunkRow.generation_id == generation_id, ChunkRow.seq > after)
        return [Chunk(*row) for row in await self._session.execute(query)]

    async def purge_logs(self, closed_before: datetime, most: int) -> int:
        """Remove logs of what closed long ago, the oldest first: an id tells its age, a log that ended has a `done`."""
        old = (
            select(ChunkRow.generation_id)
            .join(GenerationRow, GenerationRow.id == ChunkRow.generation_id)
            .where(ChunkRow.kind == literal_column("'done'"), GenerationRow.finished_at < closed_before)
        )
        ids = list(await self._session.scalars(old.order_by(ChunkRow.generation_id).limit(most)))
        if ids:
            await self._session.execute(delete(ChunkRow).where(ChunkRow.generation_id.in_(ids)))
        return len(ids)

    async def recent_of(self, user_id: UserId, most: int) -> list[Generation]:
        """Return a reader's newest."""
        query = select(GenerationRow).where(GenerationRow.user_id == user_id)
        query = query.order_by(GenerationRow.created_at.desc()).limit(most)
        return [generation_of(row) for row in await self._session.scalars(query)]

    async def troubled(
        self, trouble: Trouble, now: datetime, *, before: tuple[datetime, UUID] | None, most: int
    ) -> list[Generation]:
        """Read by the index of failed ones, or of open ones."""
        query = select(GenerationRow).where(*_TROUBLED[trouble](now))
        if before is not None:
            query = query.where(tuple_(GenerationRow.created_at, GenerationRow.id) < tuple_(*before))
        query = query.order_by(GenerationRow.created_at.desc(), GenerationRow.id.desc()).limit(most)
        return [generation_of(row) for row in await self._session.scalars(query)]

    async def totals_of(self, user_id: UserId) -> Totals:
        """Add up a reader's past."""
        done = func.count().filter(GenerationRow.state == State.SUCCEEDED, GenerationRow.kind == "story")
        cost = func.coalesce(func.sum(GenerationRow.cost_micros), 0)
        stories, spent = (await self._session.execute(select(done, cost).where(GenerationRow.user_id == user_id))).one()
        windows = select(WindowRow.settled).where(WindowRow.user_id == user_id, WindowRow.meter == TOKENS)
        grants = select(GrantRow.settled).where(GrantRow.user_id == user_id, GrantRow.meter == TOKENS)
        book = union_all(windows, grants).subquery()
        tokens = await self._session.scalar(select(func.coalesce(func.sum(book.c.settled), 0)))
        return Totals(stories, int(tokens or 0), int(spent or 0))

    async def _guarded(self, generation: Generation, **values: object) -> bool:
        statement = update(GenerationRow).where(*_held(generation)).values(**values).returning(GenerationRow.id)
        return await self._session.scalar(statement) is not None


def _held(generation: Generation) -> tuple[ColumnElement[bool], ...]:
    return GenerationRow.id == generation.id, GenerationRow.fence == generation.fence, _is_open()


def _is_stuck(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Open, without a living owner, longer than the sweeper should need: a queue, or a lease of its own."""
    since = func.coalesce(GenerationRow.lease_until, GenerationRow.queued_at, GenerationRow.created_at)
    return _is_open(), since < now - QUEUE_TIMEOUT


def _has_failed(_: datetime) -> tuple[ColumnElement[bool], ...]:
    return (GenerationRow.state.in_([literal_column(f"'{state}'") for state in ("failed", "expired")]),)


_TROUBLED = {Trouble.STUCK: _is_stuck, Trouble.FAILED: _has_failed}


def _is_open() -> ColumnElement[bool]:
    return GenerationRow.state.in_(sorted(OPEN))
