"""The generations of the memory stores."""
# ruff: noqa: ARG002 - the signatures are those of the ports

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.story_service.tests.memory_tables import Tables
from story_service.application.ports import Totals
from story_service.domain.chunks import DELTA, Chunk, Draft
from story_service.domain.generation import LEASE, QUEUE_TIMEOUT, Ending, Generation, State, Trouble
from story_service.domain.ids import GenerationId, UserId
from story_service.domain.pricing import Bill, CatalogModel
from story_service.domain.usage import TOKENS


class MemoryGenerations:
    def __init__(self, tables: Tables) -> None:
        self._tables, self._rows, self._logs = tables, tables.generations, tables.logs

    async def add(self, generation: Generation, opening: Draft) -> None:
        self._rows[generation.id] = generation
        self._logs[generation.id] = [Chunk(1, opening.kind, opening.data)]

    async def find(self, generation_id: GenerationId, *, lock: bool = False) -> Generation | None:
        return self._rows.get(generation_id)

    async def open_of(self, user_id: UserId) -> int:
        return len({row.chain_id or row.id for row in self._rows.values() if row.user_id == user_id and row.is_open})

    async def open_at(
        self, user_id: UserId, target_id: UUID, kinds: Collection[str], *, besides: GenerationId | None = None
    ) -> bool:
        found = [row for row in self._rows.values() if row.is_open and row.kind in kinds and row.id != besides]
        return any((row.user_id, row.target.id) == (user_id, target_id) for row in found)

    async def waiting_for(self, generation: Generation) -> list[Generation]:
        waiting, rows = [], {row.waits_for: row for row in self._rows.values() if row.waits_for and row.is_open}
        last = generation.id
        while last in rows:
            waiting.append(rows[last])
            last = rows[last].id
        return waiting

    async def release_waiting(self, closed: Generation, now: datetime) -> GenerationId | None:
        for row in self._rows.values():
            if row.waits_for == closed.id and row.is_open:
                return self._put(replace(row, waits_for=None, queued_at=now)).id
        return None

    async def lease(self, generation_id: GenerationId, owner: str, now: datetime) -> Generation | None:
        row = self._rows.get(generation_id)
        if row is None or row.state is not State.ACCEPTED or row.waits_for:
            return None
        taken = replace(
            row,
            state=State.RUNNING,
            lease_until=now + LEASE,
            fence=row.fence + 1,
            attempt=row.attempt + 1,
            started_at=row.started_at or now,
        )
        return self._put(taken)

    async def beat(self, generation: Generation, now: datetime) -> bool:
        return self._change(generation, lease_until=now + LEASE) is not None

    async def append(self, generation: Generation, drafts: Sequence[Draft], now: datetime) -> list[Chunk] | None:
        row = self._held(generation)
        if row is None or row.state is State.ACCEPTED:
            return None
        chunks = [Chunk(row.last_seq + number, draft.kind, draft.data) for number, draft in enumerate(drafts, 1)]
        is_text = any(draft.kind == DELTA for draft in drafts)
        first = (row.first_token_at or now) if is_text else row.first_token_at
        self._put(replace(row, last_seq=chunks[-1].seq, first_token_at=first))
        self._logs[row.id] += chunks
        return chunks

    async def written_by(self, generation: Generation, model: CatalogModel) -> bool:
        return self._change(generation, model=model.model, provider=model.provider) is not None

    async def finish(self, generation: Generation) -> bool:
        return self._change(generation, state=State.FINISHING) is not None

    async def close(self, generation: Generation, ending: Ending, bill: Bill, now: datetime) -> Generation | None:
        row = self._held(generation)
        return self._put(row.ended(ending, bill, now)) if row else None

    async def conclude(self, generation: Generation, drafts: Sequence[Draft]) -> list[Chunk]:
        chunks = [Chunk(generation.last_seq + n, draft.kind, draft.data) for n, draft in enumerate(drafts, 1)]
        self._logs[generation.id] += chunks
        self._put(replace(generation, last_seq=chunks[-1].seq))
        return chunks

    async def requeue(self, generation: Generation) -> bool:
        back = {"state": State.ACCEPTED, "lease_until": None, "fence": generation.fence + 1}
        return self._change(generation, **back) is not None

    async def unattended(self, now: datetime, *, grace: datetime, most: int) -> list[Generation]:
        def is_alone(row: Generation) -> bool:
            if row.state is State.ACCEPTED:
                return row.ready_at is not None and row.ready_at < grace
            return row.is_open and row.lease_until is not None and row.lease_until < now

        alone = [row for row in self._rows.values() if is_alone(row)]
        return sorted(alone, key=lambda row: (-row.priority, row.created_at))[:most]

    async def log(self, generation_id: GenerationId, after: int) -> list[Chunk]:
        return [chunk for chunk in self._logs.get(generation_id, []) if chunk.seq > after]

    async def purge_logs(self, closed_before: datetime, most: int) -> int:
        old = [row.id for row in self._rows.values() if row.finished_at and row.finished_at < closed_before]
        gone = [generation_id for generation_id in old if self._logs.pop(generation_id, None)]
        return len(gone)

    async def recent_of(self, user_id: UserId, most: int) -> list[Generation]:
        own = [row for row in self._rows.values() if row.user_id == user_id]
        return sorted(own, key=lambda row: row.created_at, reverse=True)[:most]

    async def troubled(
        self, trouble: Trouble, now: datetime, *, before: tuple[datetime, UUID] | None, most: int
    ) -> list[Generation]:
        rows = self._rows.values()
        if trouble is Trouble.FAILED:
            found = [row for row in rows if row.state in (State.FAILED, State.EXPIRED)]
        else:
            late = now - QUEUE_TIMEOUT
            found = [r for r in rows if r.is_open and (r.lease_until or r.queued_at or r.created_at) < late]
        newest = sorted(found, key=lambda row: (row.created_at, row.id), reverse=True)
        return [row for row in newest if before is None or (row.created_at, row.id) < before][:most]

    async def totals_of(self, user_id: UserId) -> Totals:
        own = [row for row in self._rows.values() if row.user_id == user_id]
        windows = self._tables.windows.items()
        tokens = sum(meter.settled for (user, name, _), meter in windows if (user, name) == (user_id, TOKENS))
        stories = sum(row.state is State.SUCCEEDED and row.kind == "story" for row in own)
        return Totals(stories, tokens, sum(row.cost_micros or 0 for row in own))

    def _held(self, generation: Generation) -> Generation | None:
        row = self._rows.get(generation.id)
        return row if row and row.is_open and row.fence == generation.fence else None

    def _change(self, generation: Generation, **changes: object) -> Generation | None:
        row = self._held(generation)
        return self._put(replace(row, **changes)) if row else None  # type: ignore[arg-type]  # fields by name

    def _put(self, generation: Generation) -> Generation:
        self._rows[generation.id] = generation
        return generation
