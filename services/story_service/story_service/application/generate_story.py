"""Has a story written: what a reader asks for, drawn up for the pipeline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from story_service.application.accept_generations import Accepted, AcceptGenerations, Call
from story_service.application.attempts import AttemptKey
from story_service.application.kinds import Order, Piece
from story_service.application.ports import NewId, Work
from story_service.application.story_kind import STORY, request_document
from story_service.domain.access import GENERATE, Access
from story_service.domain.cases.brief import brief
from story_service.domain.cases.errors import CaseUnknown
from story_service.domain.cases.truth import demand_truth_mode
from story_service.domain.cast import CastMember, cast_member
from story_service.domain.errors import CharacterUnknown
from story_service.domain.generation import Generation, Target
from story_service.domain.ids import CharacterId, GenerationId, StoryId, UserId
from story_service.domain.pricing import prompt_bound
from story_service.domain.story import Story, StoryRequest, TruthMode
from story_service.domain.story_prompt import messages, most_output_tokens
from story_service.domain.usage import RETAINED, STORIES

ROUTE = "POST /story/v1/stories"


@dataclass(frozen=True, slots=True)
class Ask:
    """A reader's call. `max_price` is in weighted tokens."""

    user_id: UserId
    request: StoryRequest
    model: str | None = None
    max_price: int | None = None
    character_ids: tuple[CharacterId, ...] = ()

    @property
    def call(self) -> Call:
        """Who asks, and on which conditions."""
        return Call(self.user_id, self.model, self.max_price)


@dataclass(frozen=True, slots=True)
class AcceptedStory:
    """A story and its generation as they were accepted, and whether they had been before."""

    story: Story
    generation: Generation
    replayed: bool

    @classmethod
    def of(cls, accepted: Accepted) -> "AcceptedStory":
        """Return the story that a generation is to write."""
        [generation] = accepted.generations
        at, truth_mode = generation.created_at, TruthMode(accepted.said["truth_mode"])
        story = Story(StoryId(generation.target.id), generation.user_id, generation.id, truth_mode, at, at)
        return cls(story, generation, accepted.replayed)


@dataclass(frozen=True, slots=True)
class StoryCommission:
    """A wish for a story, drawn up."""

    ask: Ask
    generation_id: GenerationId
    story_id: StoryId
    route: str = ROUTE
    flag: str = GENERATE

    async def read(self, work: Work) -> Callable[[Access], Order]:
        """Look up who is to occur in it, and the case that it tells of.

        Raises CharacterUnknown, CaseUnknown for what the reader may not meet, TruthModeUnfit.
        """
        cast = [await self._met(work, character_id) for character_id in dict.fromkeys(self.ask.character_ids)]
        request = replace(self.ask.request, cast=tuple(cast), brief=await self._told(work))
        return lambda access: self._order(request, access)

    async def _met(self, work: Work, character_id: CharacterId) -> CastMember:
        character = await work.characters.find(character_id)
        if character is None or not character.is_visible_to(self.ask.user_id):
            raise CharacterUnknown
        return cast_member(character)

    async def _told(self, work: Work) -> str:
        wanted = self.ask.request
        if wanted.case_id is None:
            demand_truth_mode(None, wanted.truth_mode)
            return ""
        file = await work.case_files.find(wanted.case_id)
        if file is None or not file.head.is_visible_to(self.ask.user_id):
            raise CaseUnknown
        demand_truth_mode(file, wanted.truth_mode)
        return brief(file)

    def _order(self, request: StoryRequest, access: Access) -> Order:
        retained = access.limits.get(RETAINED)
        target = Target("story", self.story_id)
        piece = Piece(
            self.generation_id,
            STORY,
            target,
            request_document(request, retained.amount if retained else 1),
            prompt_bound(messages(request)),
            most_output_tokens(request.length),
            {STORIES: 1},
        )
        return Order((piece,), request.words, target, self._save, {"truth_mode": request.truth_mode})

    async def _save(self, work: Work, generations: Sequence[Generation]) -> None:
        [generation] = generations
        at = generation.created_at
        request = self.ask.request
        story = Story(self.story_id, self.ask.user_id, generation.id, request.truth_mode, at, at)
        await work.stories.add(replace(story, case_id=request.case_id))


@dataclass(frozen=True, slots=True)
class GenerateStory:
    """The first kind of the pipeline."""

    accept: AcceptGenerations
    new_id: NewId

    async def __call__(self, ask: Ask, key: AttemptKey) -> AcceptedStory:
        """Raise a refusal, with nothing reserved, or return the story that is being written."""
        return AcceptedStory.of(await self.accept(ask.call, self.commission(ask), key))

    def commission(self, ask: Ask) -> StoryCommission:
        """Return the call as the pipeline takes it: to accept it, or to price it."""
        return StoryCommission(ask, GenerationId(self.new_id()), StoryId(self.new_id()))
