"""Accepts a story: gate, price, input moderation, then everything that must hold together in one transaction."""

from dataclasses import dataclass
from datetime import datetime

from story_service.application.detached import DetachedRuns
from story_service.application.ports import (
    Acceptance,
    AttemptKey,
    Clock,
    Moderator,
    NewId,
    StartWork,
    Subscriptions,
    Work,
)
from story_service.domain import ledger
from story_service.domain.access import GENERATE, Access
from story_service.domain.drafts import opening
from story_service.domain.errors import InputBlocked, ModelUnavailable
from story_service.domain.events import ModerationDecided
from story_service.domain.generation import DEADLINE, QUEUE_TIMEOUT, Generation
from story_service.domain.ids import DecisionId, GenerationId, ReservationId, StoryId, UserId
from story_service.domain.moderation import Decision, digest
from story_service.domain.pricing import CatalogModel, Quote, quote
from story_service.domain.prompt import messages
from story_service.domain.story import Story, StoryRequest
from story_service.domain.usage import Line, demand_turn, exceeded, window_of


@dataclass(frozen=True, slots=True)
class Ask:
    """A reader's call. `max_price` is in weighted tokens."""

    user_id: UserId
    request: StoryRequest
    model: str | None = None
    max_price: int | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a call, and whether it had been given before."""

    acceptance: Acceptance
    replayed: bool


@dataclass(frozen=True, slots=True)
class GenerateStory:
    """Takes the money before the model is called, and starts the writing at once in this process."""

    start_work: StartWork
    subscriptions: Subscriptions
    moderator: Moderator
    runs: DetachedRuns
    default_model: str
    now: Clock
    new_id: NewId

    async def __call__(self, ask: Ask, key: AttemptKey) -> Accepted:
        """Raise a refusal, with nothing reserved, or return what is being written."""
        model_name = ask.model or self.default_model
        async with self.start_work() as work:
            if kept := await work.attempts.answer(ask.user_id, key, self.now()):
                return Accepted(kept, replayed=True)
            model = await work.models.offered(model_name, self.now())
        access = await self.subscriptions.access(ask.user_id)
        access.demand(GENERATE)
        if model is None:
            raise ModelUnavailable
        access.demand_tier(model.tier)
        terms = self._price(ask, model, access)
        acceptance = self._acceptance(ask, model, terms, access)
        decision = await self._moderate(ask, acceptance.story.id)
        accepted = await self._accept(acceptance, access, decision, key)
        if not accepted.replayed:
            self.runs.start(acceptance.generation.id)
        return accepted

    def _price(self, ask: Ask, model: CatalogModel, access: Access) -> Quote:
        terms = quote(model, messages(ask.request), ask.request.length, access)
        terms.demand_price(ask.max_price)
        return terms

    def _acceptance(self, ask: Ask, model: CatalogModel, terms: Quote, access: Access) -> Acceptance:
        story_id, generation_id, now = StoryId(self.new_id()), GenerationId(self.new_id()), self.now()
        generation = Generation(
            generation_id,
            ask.user_id,
            story_id,
            model.model,
            model.provider,
            ask.request,
            terms,
            access.version,
            now,
            last_seq=1,
        )
        return Acceptance(Story(story_id, ask.user_id, generation_id, ask.request.truth_mode, now, now), generation)

    async def _moderate(self, ask: Ask, story_id: StoryId) -> Decision:
        """Return the decision that lets the reader's words in. Raises InputBlocked, with the decision kept."""
        text = f"{ask.request.prompt}\n{ask.request.tone or ''}".strip()
        verdict = await self.moderator.judge(text)
        decision = Decision(
            DecisionId(self.new_id()),
            ask.user_id,
            story_id,
            "input",
            self.moderator.provider,
            self.moderator.policy_version,
            "block" if verdict.is_block else "allow",
            verdict.reasons,
            verdict.categories,
            digest(text),
            self.now(),
        )
        if verdict.is_block:
            async with self.start_work() as work:
                await work.record(decision)
                await work.tell(ModerationDecided(decision))
                await work.commit()
            raise InputBlocked(verdict.reasons)
        return decision

    async def _accept(self, acceptance: Acceptance, access: Access, decision: Decision, key: AttemptKey) -> Accepted:
        story, generation, now = acceptance.story, acceptance.generation, self.now()
        async with self.start_work() as work:
            if kept := await work.attempts.claim(story.user_id, key, now):
                return Accepted(kept, replayed=True)
            reservation_id = ReservationId(self.new_id())
            remaining, lines = await self._reserve(work, generation, reservation_id, access, now)
            acceptance = Acceptance(story, generation.quoted(remaining))
            await work.generations.add(acceptance.generation, opening(acceptance.generation))
            await work.stories.add(story)
            await work.usage.open(reservation_id, generation, lines, now + QUEUE_TIMEOUT + DEADLINE)
            await work.record(decision)
            await work.attempts.keep(story.user_id, key, acceptance)
            await work.commit()
        return Accepted(acceptance, replayed=False)

    async def _reserve(
        self, work: Work, generation: Generation, reservation_id: ReservationId, access: Access, now: datetime
    ) -> tuple[dict[str, int | None], list[Line]]:
        """Hold the quoted amounts; return what remains of each meter, and the lines. Raises QuotaExceeded."""
        user_id = generation.user_id
        head = await work.usage.lock(user_id)
        demand_turn(access, await work.generations.open_of(user_id), now)
        remaining: dict[str, int | None] = {}
        lines, postings = [], []
        for meter, terms in sorted(generation.quote.meters.items()):
            line = Line(meter, window_of(access.limit(meter).window, access, now), terms.most)
            holding = await work.usage.reserve(user_id, line, terms.limit)
            if holding is None:
                used = (await work.usage.holding(user_id, meter, line.window)).used
                raise exceeded(line, terms.limit or 0, used, now)
            remaining[meter] = None if terms.limit is None else terms.limit - holding.used
            lines.append(line)
            postings.append(ledger.Posting(meter, ledger.RESERVE, line.reserved, holding.reserved, holding.settled))
        entries, head = ledger.extend(head, user_id, reservation_id, postings, now)
        await work.usage.post(user_id, entries, head)
        return remaining, lines
