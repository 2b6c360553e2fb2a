"""Accepts a call: gate, price, input moderation, then everything that must hold together in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from story_service.application.attempts import AttemptKey
from story_service.application.detached import DetachedRuns
from story_service.application.draw_units import draw
from story_service.application.kinds import Commission, Kinds, Order, Piece
from story_service.application.ports import (
    Acceptance,
    Clock,
    Moderator,
    NewId,
    StartWork,
    Subscriptions,
    Work,
)
from story_service.application.run_generation import Prepared
from story_service.domain import ledger
from story_service.domain.access import Access
from story_service.domain.drafts import opening
from story_service.domain.errors import InputBlocked, ModelUnavailable
from story_service.domain.events import ModerationDecided
from story_service.domain.generation import DEADLINE, QUEUE_TIMEOUT, Generation
from story_service.domain.ids import DecisionId, ReservationId, UserId
from story_service.domain.moderation import Decision, digest
from story_service.domain.pricing import CatalogModel, Quote, quote_chain, together
from story_service.domain.routing import Menu
from story_service.domain.usage import Line, demand_turn, window_of


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and on which conditions. `max_price` is in weighted tokens."""

    user_id: UserId
    model: str | None = None
    max_price: int | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The generations of a call as they were accepted, what its kind said of them, and whether it had been answered."""

    generations: tuple[Generation, ...]
    said: Mapping[str, Any]
    replayed: bool

    @classmethod
    def again(cls, kept: Acceptance) -> "Accepted":
        """Return the answer that was given before."""
        return cls(kept.generations, kept.said, replayed=True)


def priced(
    order: Order, menu: Menu, models: Sequence[CatalogModel], chosen: CatalogModel, access: Access
) -> list[Quote]:
    """Return the terms of each piece, which bound what any model may cost that can stand in for the chosen one."""
    terms = []
    for piece in order.pieces:
        chain = menu.chain(models, chosen, piece.prompt_tokens, piece.most_output)
        terms.append(quote_chain(chain, piece.prompt_tokens, piece.most_output, piece.units, access))
    return terms


def _prepared(piece: Piece, terms: Quote, models: Sequence[CatalogModel]) -> Prepared | None:
    if piece.prompt is None:
        return None
    known = {model.model: model for model in models}
    return Prepared(piece.prompt, [known[name] for name in terms.models])


@dataclass(frozen=True, slots=True)
class AcceptGenerations:
    """Takes the money before the model is called, and starts the writing at once in this process."""

    start_work: StartWork
    subscriptions: Subscriptions
    moderator: Moderator
    runs: DetachedRuns
    kinds: Kinds
    menu: Menu
    now: Clock
    new_id: NewId

    async def __call__(self, call: Call, commission: Commission, key: AttemptKey) -> Accepted:
        """Raise a refusal, with nothing reserved, or return what is being written."""
        async with self.start_work() as work:
            if kept := await work.attempts.answer(call.user_id, commission.route, key, self.now()):
                return Accepted.again(kept)
            models = await work.models.offers(self.now())
            draw_up = await commission.read(work)
        access = await self.subscriptions.access(call.user_id)
        access.demand(commission.flag)
        model = self.menu.choose(models, call.model)
        if model is None:
            raise ModelUnavailable
        access.demand_tier(model.tier)
        order = draw_up(access)
        terms = priced(order, self.menu, models, model, access)
        together(terms).demand_price(call.max_price)
        decision = await self._moderate(call.user_id, order)
        generations = self._generations(call.user_id, order, model, terms, access)
        accepted = await self._accept(commission.route, order, generations, access, decision, key)
        if not accepted.replayed:
            self.runs.start(accepted.generations[0].id, access.priority, _prepared(order.pieces[0], terms[0], models))
        return accepted

    def _generations(
        self, user_id: UserId, order: Order, model: CatalogModel, terms: list[Quote], access: Access
    ) -> list[Generation]:
        """Return them in their order; each waits for the one before it."""
        now, chain_id = self.now(), order.pieces[0].id if len(order.pieces) > 1 else None
        generations: list[Generation] = []
        for piece, wanted in zip(order.pieces, terms, strict=True):
            generation = Generation(
                piece.id,
                user_id,
                piece.kind,
                piece.target,
                model.model,
                model.provider,
                piece.request,
                wanted,
                access.version,
                now,
                chain_id=chain_id,
                waits_for=generations[-1].id if generations else None,
                priority=access.priority,
                last_seq=1,
            )
            generations.append(generation)
        return generations

    async def _moderate(self, user_id: UserId, order: Order) -> Decision | None:
        """Return the decision that lets the reader's words in. Raises InputBlocked, with the decision kept."""
        if not order.words:
            return None
        verdict = await self.moderator.judge(order.words)
        decision = Decision(
            DecisionId(self.new_id()),
            user_id,
            order.about.id,
            "input",
            self.moderator.provider,
            self.moderator.policy_version,
            "block" if verdict.is_block else "allow",
            verdict.reasons,
            verdict.categories,
            digest(order.words),
            self.now(),
            order.about.type,
        )
        if verdict.is_block:
            async with self.start_work() as work:
                await work.record(decision)
                await work.tell(ModerationDecided(decision))
                await work.commit()
            raise InputBlocked(verdict.reasons)
        return decision

    async def _accept(
        self,
        route: str,
        order: Order,
        generations: list[Generation],
        access: Access,
        decision: Decision | None,
        key: AttemptKey,
    ) -> Accepted:
        user_id, now = generations[0].user_id, self.now()
        async with self.start_work() as work:
            if kept := await work.attempts.claim(user_id, route, key, now):
                return Accepted.again(kept)
            head = await work.usage.lock(user_id)
            demand_turn(access, await work.generations.open_of(user_id), now)
            taken = []
            for generation in generations:
                reservation_id = ReservationId(self.new_id())
                quoted, lines, head = await self._reserve(work, generation, reservation_id, access, head, now)
                names = self.kinds[quoted.kind].names(quoted)
                await work.generations.add(quoted, opening(quoted, names))
                await work.usage.open(reservation_id, quoted, lines, now + QUEUE_TIMEOUT + DEADLINE)
                taken.append(quoted)
            await order.save(work, taken)
            if decision:
                await work.record(decision)
            await work.attempts.keep(user_id, route, key, Acceptance(tuple(taken), order.said))
            await work.commit()
        return Accepted(tuple(taken), order.said, replayed=False)

    async def _reserve(
        self,
        work: Work,
        generation: Generation,
        reservation_id: ReservationId,
        access: Access,
        head: ledger.Head,
        now: datetime,
    ) -> tuple[Generation, list[Line], ledger.Head]:
        """Hold the quoted amounts; return it with what remains of each meter. Raises QuotaExceeded."""
        user_id = generation.user_id
        remaining: dict[str, int | None] = {}
        lines: list[Line] = []
        postings: list[ledger.Posting] = []
        for meter, terms in sorted(generation.quote.meters.items()):
            line = Line(meter, window_of(access.limit(meter).window, access, now), terms.most)
            drawn = await draw(work.usage, user_id, line, access, now)
            remaining[meter] = drawn.remaining
            lines += [part for part, _ in drawn.lines]
            postings += drawn.postings()
        entries, head = ledger.extend(head, user_id, reservation_id, postings, now)
        await work.usage.post(user_id, entries, head)
        return generation.quoted(remaining), lines, head
