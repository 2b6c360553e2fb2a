"""Continuations and rewrites as kinds of generations: at their end the story has another revision."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from story_service.application.kinds import Output
from story_service.application.ports import Clock, Work
from story_service.application.revisions.revise import revise
from story_service.domain.continuing.continuation import CONTINUATION, Span, Wish, applied, messages
from story_service.domain.generation import Generation, State
from story_service.domain.ids import StoryId
from story_service.domain.prompt import Prompt
from story_service.domain.story import Length


def wish_document(wish: Wish) -> dict[str, Any]:
    """Write what a reader asked for."""
    span = [wish.span.start, wish.span.end] if wish.span else None
    return {"prompt": wish.prompt, "length": wish.length, "version": wish.version, "span": span}


def wish_of(document: Mapping[str, Any]) -> Wish:
    """Read what a reader asked for."""
    span = Span(*document["span"]) if document["span"] else None
    return Wish(document["prompt"], Length(document["length"]), document["version"], span)


@dataclass(frozen=True, slots=True)
class ContinuationKind:
    """Nobody changes the text while it runs, so that what was written fits it.

    What was paid for and goes on with the story is kept, also when it was stopped; half a rewritten part is not.
    """

    name: str
    now: Clock
    is_shown: bool = True
    mark: str | None = None

    def names(self, generation: Generation) -> dict[str, str]:
        """Name the story."""
        return {"story_id": str(generation.target.id)}

    def location(self, generation: Generation) -> str:
        """Return where the story is read."""
        return f"/story/v1/stories/{generation.target.id}"

    async def prompt(self, work: Work, generation: Generation) -> Prompt | None:
        """Return the end of the story, or what stands around the part; None when it is gone."""
        story, wish = await work.stories.find(StoryId(generation.target.id)), wish_of(generation.request)
        return Prompt(messages(story, wish)) if story and story.version == wish.version else None

    def fault(self, _: Generation, __: Output) -> None:
        """Find nothing: every text goes on."""

    async def keep(self, work: Work, closed: Generation, output: Output) -> dict[str, Any]:
        """Write the next revision."""
        kept = {State.SUCCEEDED, State.CANCELLED} if self.name == CONTINUATION else {State.SUCCEEDED}
        story = await work.stories.find(StoryId(closed.target.id), lock=True)
        if story is None or closed.state not in kept or not output.text.strip():
            return {}
        wish = wish_of(closed.request)
        if story.version != wish.version or not story.is_changeable:
            return {}  # a person took it in hand meanwhile
        paid = replace(
            story,
            token_cost=story.token_cost + closed.price,
            cost_micros=story.cost_micros + (closed.cost_micros or 0),
        )
        body = applied(story, wish.span, output.text)
        return {"version": (await revise(work, paid, story.title, body, self.now(), generation_id=closed.id)).version}
