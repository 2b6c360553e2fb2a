"""Has questions about a story answered, unless they were answered about this very text before."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from story_service.application.accept_generations import Accepted, AcceptGenerations, Call
from story_service.application.attempts import AttemptKey
from story_service.application.kinds import NothingToWrite, Order, Piece
from story_service.application.own_story import own_story
from story_service.application.ports import NewId, StartWork, Subscriptions, Work
from story_service.domain.access import Access
from story_service.domain.analysing.analysis import (
    ANALYSIS,
    ANALYZE,
    Analysis,
    AnalysisKind,
    most_output,
    paragraphs,
    prompt,
    text_digest,
)
from story_service.domain.errors import StoryBeingWritten, VersionConflict
from story_service.domain.generation import Generation, Target
from story_service.domain.ids import GenerationId, StoryId, UserId
from story_service.domain.pricing import prompt_bound
from story_service.domain.story import Story

ROUTE = "POST /story/v1/stories/{id}/analyses"


class NothingToAsk(NothingToWrite):
    """Everything was answered before: the answers are the answer."""

    def __init__(self, known: Sequence[Analysis]) -> None:
        super().__init__("answered before")
        self.known = known


@dataclass(frozen=True, slots=True)
class Answered:
    """What is known already, or the generation that finds out what is not."""

    known: Sequence[Analysis]
    accepted: Accepted | None


@dataclass(frozen=True, slots=True)
class AnalysisCommission:
    """Questions about a story, drawn up."""

    user_id: UserId
    story_id: StoryId
    kinds: Collection[AnalysisKind]
    generation_id: GenerationId
    route: str = ROUTE
    flag: str = ANALYZE

    async def read(self, work: Work) -> Callable[[Access], Order]:
        """Raise StoryUnknown, StoryNotReady; NothingToAsk where every answer is known."""
        story = await own_story(work, self.user_id, self.story_id)
        story.demand_ready()
        known = [one for one in await work.analyses.of(story.id, text_digest(story)) if one.kind in self.kinds]
        missing = sorted(set(self.kinds) - {one.kind for one in known})
        if not missing:
            raise NothingToAsk(known)
        return lambda _: self._order(story, missing)

    def _order(self, story: Story, missing: Sequence[AnalysisKind]) -> Order:
        target, text = Target("story", self.story_id), text_digest(story)

        async def save(work: Work, _: Sequence[Generation]) -> None:
            """Look again: one call at a time, about the text that was priced."""
            now = await own_story(work, self.user_id, self.story_id, lock=True)
            if text_digest(now) != text:
                raise VersionConflict
            if await work.generations.open_at(self.user_id, self.story_id, {ANALYSIS}, besides=self.generation_id):
                raise StoryBeingWritten

        asked = prompt(story, missing)
        request = {"kinds": list(missing), "text_sha256": text.hex(), "paragraphs": len(paragraphs(story))}
        shape = len(str(asked.schema).encode())  # a provider may count the shape as part of what the model reads
        prompt_tokens = prompt_bound(asked.messages) + shape
        piece = Piece(self.generation_id, ANALYSIS, target, request, prompt_tokens, most_output(missing))
        return Order((piece,), "", target, save)


@dataclass(frozen=True, slots=True)
class AnalyseStory:
    """What is known costs nothing, but belongs to the plan all the same."""

    start_work: StartWork
    subscriptions: Subscriptions
    accept: AcceptGenerations
    new_id: NewId

    async def __call__(
        self, call: Call, story_id: StoryId, kinds: Collection[AnalysisKind], key: AttemptKey
    ) -> Answered:
        """Raise a refusal, with nothing reserved, or return what is known and what is being found out."""
        commission = self.commission(call.user_id, story_id, kinds)
        try:
            return Answered([], await self.accept(call, commission, key))
        except NothingToAsk as nothing:
            (await self.subscriptions.access(call.user_id)).demand(ANALYZE)
            return Answered(nothing.known, None)

    def commission(self, user_id: UserId, story_id: StoryId, kinds: Collection[AnalysisKind]) -> AnalysisCommission:
        """Return what a call asks for."""
        return AnalysisCommission(user_id, story_id, kinds, GenerationId(self.new_id()))

    async def known(self, user_id: UserId, story_id: StoryId, kind: AnalysisKind | None) -> Sequence[Analysis]:
        """Return what is known of the text that a story has. Raises StoryUnknown."""
        async with self.start_work() as work:
            story = await own_story(work, user_id, story_id)
            found = await work.analyses.of(story.id, text_digest(story))
        return [one for one in found if kind in (None, one.kind)]
