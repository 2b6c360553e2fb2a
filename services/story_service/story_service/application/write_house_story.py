"""Has a story written for the library: by the same writer and judged by the same moderator as everybody's."""

from collections.abc import Sequence
from dataclasses import dataclass

from story_service.application.chain_writer import ChainWriter
from story_service.application.ports import Clock, Moderator, NewId, StartWork
from story_service.domain.errors import ModelUnavailable, TextBlocked, WriterFailed
from story_service.domain.ids import DecisionId, StoryId
from story_service.domain.library import HouseStory, synopsis_of
from story_service.domain.moderation import Decision, Verdict, digest
from story_service.domain.pricing import CatalogModel, prompt_bound
from story_service.domain.prompt import Prompt
from story_service.domain.routing import Menu
from story_service.domain.story import UNTITLED, StoryRequest, split_title
from story_service.domain.story_prompt import messages, most_output_tokens

_FEWEST_WORDS = 100


@dataclass(frozen=True, slots=True)
class WriteHouseStory:
    """Nobody is charged; other providers stand in for one that fails. What comes out waits for a person.

    `is_moderated` is False where the policy is off.
    """

    start_work: StartWork
    writer: ChainWriter
    moderator: Moderator
    is_moderated: bool
    menu: Menu
    now: Clock
    new_id: NewId

    async def __call__(self, request: StoryRequest) -> HouseStory:
        """Raise ModelUnavailable, WriterFailed, TextBlocked (the decision is kept, the text is not),

        ModerationUnavailable.
        """
        async with self.start_work() as work:
            models = await work.models.offers(self.now())
        chosen = self.menu.choose(models, self.menu.default)
        if chosen is None:
            raise ModelUnavailable
        prompt, most = Prompt(messages(request)), most_output_tokens(request.length)
        chain = self.menu.chain(models, chosen, prompt_bound(prompt.messages), most)
        title, body = await self._written(chain, prompt, most)
        now = self.now()
        story = HouseStory(
            StoryId(self.new_id()), title, synopsis_of(body), body, request.truth_mode, self.is_moderated, now
        )
        text = f"{title}\n\n{body}"
        verdict = await self.moderator.judge(text) if self.is_moderated else Verdict()
        async with self.start_work() as work:
            if self.is_moderated:
                await work.record(self._decision(story.id, text, verdict))
            if not verdict.is_block:
                await work.library.submit(story)
            await work.commit()
        if verdict.is_block:
            raise TextBlocked(verdict.reasons)
        return story

    async def _written(self, chain: Sequence[CatalogModel], prompt: Prompt, most: int) -> tuple[str, str]:
        pieces = self.writer.write(chain, prompt, most)
        title, body = split_title("".join([piece async for piece in pieces if isinstance(piece, str)]))
        if title == UNTITLED or len(body.split()) < _FEWEST_WORDS:
            raise WriterFailed("text_unusable")
        return title, body

    def _decision(self, story_id: StoryId, text: str, verdict: Verdict) -> Decision:
        return Decision(
            DecisionId(self.new_id()),
            None,
            story_id,
            "output",
            self.moderator.provider,
            self.moderator.policy_version,
            "block" if verdict.is_block else "allow",
            verdict.reasons,
            verdict.categories,
            digest(text),
            self.now(),
        )
