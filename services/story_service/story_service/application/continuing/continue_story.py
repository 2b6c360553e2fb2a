"""Has a story of one's own go on, or a part of it written anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from story_service.application.accept_generations import Accepted, AcceptGenerations, Call
from story_service.application.attempts import AttemptKey
from story_service.application.continuing.continuation_kind import wish_document
from story_service.application.kinds import Order, Piece
from story_service.application.own_story import demand_unwritten, own_story
from story_service.application.ports import NewId, Work
from story_service.domain.access import GENERATE, Access
from story_service.domain.continuing.continuation import Wish, demand_possible, messages
from story_service.domain.generation import Generation, Target
from story_service.domain.ids import GenerationId, StoryId, UserId
from story_service.domain.pricing import prompt_bound
from story_service.domain.story import Story

ROUTE = "POST /story/v1/stories/{id}/continue"


@dataclass(frozen=True, slots=True)
class ContinuationCommission:
    """A wish about a story, drawn up."""

    user_id: UserId
    story_id: StoryId
    wish: Wish
    generation_id: GenerationId
    route: str = ROUTE
    flag: str = GENERATE

    async def read(self, work: Work) -> Callable[[Access], Order]:
        """Raise StoryUnknown, VersionConflict, StoryNotReady, StoryIsPublished, SpanOutside, StoryTooLong.

        What is taken raises StoryBeingWritten besides: not here, where a lost answer may be asked for again.
        """
        story = await own_story(work, self.user_id, self.story_id)
        self._demand_possible(story)
        return lambda _: self._order(story)

    def _order(self, story: Story) -> Order:
        target, wish = Target("story", self.story_id), self.wish
        prompt_tokens = prompt_bound(messages(story, wish))
        piece = Piece(self.generation_id, wish.kind, target, wish_document(wish), prompt_tokens, wish.most_output)
        return Order((piece,), wish.prompt, target, self._save)

    async def _save(self, work: Work, _: Sequence[Generation]) -> None:
        """Hold the story and look again: what was written into it meanwhile, nobody has seen."""
        story = await own_story(work, self.user_id, self.story_id, lock=True)
        await demand_unwritten(work, story, besides=self.generation_id)
        self._demand_possible(story)

    def _demand_possible(self, story: Story) -> None:
        story.demand_version(self.wish.version)
        story.demand_changeable()
        demand_possible(story, self.wish)


@dataclass(frozen=True, slots=True)
class ContinueStory:
    """What is written becomes a revision, which its reader can undo."""

    accept: AcceptGenerations
    new_id: NewId

    async def __call__(self, call: Call, story_id: StoryId, wish: Wish, key: AttemptKey) -> Accepted:
        """Raise a refusal, with nothing reserved, or return the generation that writes."""
        return await self.accept(call, self.commission(call.user_id, story_id, wish), key)

    def commission(self, user_id: UserId, story_id: StoryId, wish: Wish) -> ContinuationCommission:
        """Return what a call asks for."""
        return ContinuationCommission(user_id, story_id, wish, GenerationId(self.new_id()))
