"""Ends a generation once: money, ledger, target, last events and facts in one transaction, whoever comes first."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from story_service.application.draw_units import posting
from story_service.application.kinds import Kinds, Output
from story_service.application.ports import Clock, Work
from story_service.domain import drafts, ledger
from story_service.domain.chunks import Chunk
from story_service.domain.events import GenerationClosed, ModerationDecided, UsageSettled
from story_service.domain.generation import Billing, Ending, Generation, State
from story_service.domain.ids import GenerationId, ReservationId
from story_service.domain.pricing import Bill, bill
from story_service.domain.usage import TOKENS, Line, Meter, charged

log = logging.getLogger("story")


@dataclass(frozen=True, slots=True)
class Closed:
    """A generation that ended here, the events it ended with, and the one that waited for its end."""

    generation: Generation
    chunks: Sequence[Chunk]
    following: GenerationId | None = None


@dataclass(frozen=True, slots=True)
class CloseGeneration:
    """Part of the caller's work: the caller commits. The reader's usage is locked before the generation's row."""

    kinds: Kinds
    now: Clock

    async def __call__(self, work: Work, generation: Generation, ending: Ending, output: Output) -> Closed | None:
        """Return None, with nothing changed, when it was ended elsewhere or the fence is old."""
        now = self.now()
        head = await work.usage.lock(generation.user_id)
        model = await work.models.billed(generation.model, generation.created_at)
        owed = bill(model, ending.usage, generation.quote) if model and ending.usage else Bill()
        closed = await work.generations.close(generation, ending, owed, now)
        if closed is None:
            return None
        _warn_of_overrun(closed)
        reserved = await work.usage.close(closed.id, settled=closed.billing is Billing.SETTLED, now=now)
        if reserved is None:
            return None
        reservation_id, lines = reserved
        lines = charged(lines, _charges(closed))
        remaining, head = await self._settle(work, closed, reservation_id, lines, head, now)
        said = await self._keep(work, closed, output)
        if ending.decision:
            await work.record(ending.decision)
        await self._tell(work, closed, reservation_id, lines, head, ending, now)
        chunks = await work.generations.conclude(closed, drafts.last(closed, remaining, said))
        following = await work.generations.release_waiting(closed, now) if closed.chain_id else None
        return Closed(closed, chunks, following)

    async def _settle(
        self,
        work: Work,
        closed: Generation,
        reservation_id: ReservationId,
        lines: list[Line],
        head: ledger.Head,
        now: datetime,
    ) -> tuple[dict[str, int | None], ledger.Head]:
        """Return also what is left of each meter: in its window, and in the grants that were drawn upon."""
        remaining: dict[str, int | None] = {}
        postings: list[ledger.Posting] = []
        for line in lines:
            holding = await work.usage.settle(closed.user_id, reservation_id, line)
            limit = line.grant.amount if line.grant else closed.quote.meters[line.meter].limit
            left = None if limit is None else max(0, limit - holding.used)
            remaining[line.meter] = None if left is None else left + (remaining.get(line.meter) or 0)
            postings += _postings(line, holding)
        entries, head = ledger.extend(head, closed.user_id, reservation_id, postings, now)
        await work.usage.post(closed.user_id, entries, head)
        return remaining, head

    async def _keep(self, work: Work, closed: Generation, output: Output) -> dict[str, Any]:
        kind = self.kinds[closed.kind]
        if closed.state is State.BLOCKED:
            output = Output("")  # let out before its verdict, it may be what broke it
        return {**kind.names(closed), **await kind.keep(work, closed, output)}

    async def _tell(
        self,
        work: Work,
        closed: Generation,
        reservation_id: ReservationId,
        lines: list[Line],
        head: ledger.Head,
        ending: Ending,
        now: datetime,
    ) -> None:
        await work.tell(GenerationClosed(closed))
        if closed.billing is Billing.SETTLED:
            await work.tell(UsageSettled(closed, reservation_id, tuple(lines), head.seq, now))
        if ending.decision and ending.decision.verdict == "block":
            await work.tell(ModerationDecided(ending.decision))


def _warn_of_overrun(closed: Generation) -> None:
    if closed.usage and closed.usage.completion_tokens > closed.quote.most_output_tokens:
        log.warning("usage over quote", extra={"generation_id": str(closed.id), "price": closed.price})


def _charges(closed: Generation) -> dict[str, int]:
    """Return what each meter is charged; the price is within the quote, and the quote is what the lines hold."""
    if closed.billing is not Billing.SETTLED:
        return {}
    return {meter: terms.most for meter, terms in closed.quote.meters.items()} | {TOKENS: closed.price}


def _postings(line: Line, holding: Meter) -> list[ledger.Posting]:
    """Return the movements of a line: what was charged, then what is given back, ending at what is held now."""
    settled, rest = line.settled or 0, line.reserved - (line.settled or 0)
    postings = []
    if settled:
        before_release = replace(holding, reserved=holding.reserved + rest)
        postings.append(posting(line, ledger.SETTLE, settled, before_release))
    if rest:
        postings.append(posting(line, ledger.RELEASE, rest, holding))
    return postings
