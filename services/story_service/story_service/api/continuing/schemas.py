"""Going on with a story, over the wire."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StrictInt, StringConstraints

from story_service.api.numbers import WHOLE, MaxPrice
from story_service.api.schemas import GenerationBrief, ModelName, Wire, brief
from story_service.application.accept_generations import Accepted
from story_service.domain.continuing.continuation import Span, Wish
from story_service.domain.revisions.revision import LONGEST_BODY
from story_service.domain.story import Length

_LARGEST_VERSION = 2**31 - 1
Instruction = Annotated[str, StringConstraints(strict=True, max_length=2000, pattern=r"^[^\x00]*$")]


class SpanIn(Wire):
    """A part of the text, in characters (Unicode code points)."""

    start: Annotated[StrictInt, Field(ge=0, le=LONGEST_BODY), WHOLE]
    length: Annotated[StrictInt, Field(ge=1, le=LONGEST_BODY), WHOLE]


class ContinueIn(Wire):
    """How the text of `version` is to go on, or with a `span`, how that part of it is to be written anew."""

    version: Annotated[StrictInt, Field(ge=1, le=_LARGEST_VERSION), WHOLE]
    instruction: Instruction | None = None
    span: SpanIn | None = None
    length: Literal["short", "medium", "long"] = "short"
    model: ModelName | None = None
    max_price: MaxPrice = None

    def wish(self) -> Wish:
        """Return it in the domain's words."""
        span = Span(self.span.start, self.span.start + self.span.length) if self.span else None
        return Wish((self.instruction or "").strip(), Length(self.length), self.version, span)


class ContinuedOut(Wire):
    """The generation that writes; at its end the story has another revision."""

    story_id: UUID
    generation: GenerationBrief

    @classmethod
    def of(cls, accepted: Accepted) -> Self:
        """Show what was accepted."""
        [generation] = accepted.generations
        return cls(story_id=generation.target.id, generation=brief(generation))
