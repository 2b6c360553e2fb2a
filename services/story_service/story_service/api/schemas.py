"""What goes over the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from story_service.api.numbers import MaxPrice
from story_service.application.generate_story import AcceptedStory, Ask
from story_service.domain.cast import MOST
from story_service.domain.generation import Generation
from story_service.domain.ids import CharacterId, UserId
from story_service.domain.pricing import MeterQuote, Quote
from story_service.domain.story import Length, Source, Story, StoryRequest, TruthMode

_NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=4000, pattern=_NO_NUL)]
Tone = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=_NO_NUL)]
Setting = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1000, pattern=_NO_NUL)]
ModelName = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9._:/-]{1,64}$")]
State = Literal["accepted", "running", "finishing", "succeeded", "blocked", "failed", "cancelled", "expired"]
Billing = Literal["reserved", "settled", "released"]
KindName = Literal["story", "chat", "continuation", "rewrite", "analysis", "summary"]
_KIND: TypeAdapter[KindName] = TypeAdapter(KindName)


class Wire(BaseModel):
    """Knows exactly its own members."""

    model_config = ConfigDict(extra="forbid")


class StoryIn(Wire):
    """A wish for a story."""

    prompt: Text
    truth_mode: Literal["fiction", "inspired", "documented"] = "fiction"
    case_id: UUID | None = Field(default=None, description="The case that the story is to tell of.")
    tone: Tone | None = None
    length: Literal["short", "medium", "long"] = "medium"
    universe: Setting | None = None
    scenario: Setting | None = None
    character_ids: Annotated[list[UUID], Field(max_length=MOST)] = Field(
        default=[], description="Who is to occur in it: characters of the house, public ones and one's own."
    )
    model: ModelName | None = None
    max_price: MaxPrice = None

    @model_validator(mode="after")
    def name_the_case_of_what_is_documented(self) -> Self:
        """Refuse a documented story of nothing."""
        if self.truth_mode == "documented" and self.case_id is None:
            raise ValueError("a documented story needs a case_id")
        return self

    def request(self) -> StoryRequest:
        """Return it in the domain's words."""
        truth_mode, length = TruthMode(self.truth_mode), Length(self.length)
        return StoryRequest(
            self.prompt, truth_mode, length, self.tone, self.universe, self.scenario, case_id=self.case_id
        )

    def ask(self, user_id: UserId) -> Ask:
        """Return it as this reader's call."""
        cast = tuple(CharacterId(one) for one in self.character_ids)
        return Ask(user_id, self.request(), self.model, self.max_price, cast)


class MeterQuoteOut(Wire):
    """The most that is taken of one meter."""

    max: int
    remaining_after: int | None

    @classmethod
    def of(cls, terms: MeterQuote) -> Self:
        """Show a meter's terms."""
        return cls(max=terms.most, remaining_after=terms.remaining_after)


class QuoteOut(Wire):
    """What it costs at the most."""

    meters: dict[str, MeterQuoteOut]
    max_cost_micros: int

    @classmethod
    def of(cls, quote: Quote) -> Self:
        """Show the terms."""
        meters = {meter: MeterQuoteOut.of(terms) for meter, terms in sorted(quote.meters.items())}
        return cls(meters=meters, max_cost_micros=quote.max_cost_micros)


class UsageOut(Wire):
    """Tokens of a model, as its provider counted them unless `estimated`."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    estimated: bool


class TargetOut(Wire):
    """What a generation writes into."""

    type: str
    id: UUID

    @classmethod
    def of(cls, generation: Generation) -> Self:
        """Show it."""
        return cls(type=generation.target.type, id=generation.target.id)


class GenerationBrief(Wire):
    """A generation as it was accepted."""

    id: UUID
    state: State
    billing: Billing
    quote: QuoteOut
    events: str


def brief(generation: Generation) -> GenerationBrief:
    """Show a generation as it was accepted."""
    return GenerationBrief(
        id=generation.id,
        state=generation.state.value,
        billing=generation.billing.value,
        quote=QuoteOut.of(generation.quote),
        events=events_path(generation.id),
    )


class StoryBrief(Wire):
    """A story as it was accepted."""

    id: UUID
    state: Literal["generating"] = "generating"
    truth_mode: Literal["fiction", "inspired", "documented"]
    label: str
    created_at: datetime


class AcceptedOut(Wire):
    """The story that is being written, and the generation that writes it."""

    story: StoryBrief
    generation: GenerationBrief

    @classmethod
    def of(cls, accepted: AcceptedStory) -> Self:
        """Show what was accepted."""
        story, generation = accepted.story, accepted.generation
        return cls(
            story=StoryBrief(
                id=story.id, truth_mode=story.truth_mode.value, label=story.label, created_at=story.created_at
            ),
            generation=brief(generation),
        )


class GenerationOut(GenerationBrief):
    """A generation as it stands, quote against actual."""

    kind: KindName
    target: TargetOut
    story_id: UUID | None = Field(description="The target, where it is a story.")
    model: str
    usage: UsageOut | None
    price: int = Field(description="Weighted tokens charged.")
    error_code: str | None
    created_at: datetime
    first_token_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, generation: Generation) -> Self:
        """Show a generation."""
        return cls(
            id=generation.id,
            state=generation.state.value,
            billing=generation.billing.value,
            quote=QuoteOut.of(generation.quote),
            events=events_path(generation.id),
            kind=kind_name(generation),
            target=TargetOut.of(generation),
            story_id=story_id(generation),
            model=generation.model,
            usage=usage_out(generation),
            price=generation.price,
            error_code=generation.error_code,
            created_at=generation.created_at,
            first_token_at=generation.first_token_at,
            finished_at=generation.finished_at,
        )


class CopiedFromOut(Wire):
    """The story that a copy was made of, under the title that it had then. It may be gone."""

    story_id: UUID
    title: str


class StorySummary(Wire):
    """A story without its text. A copy has a source and no generation."""

    id: UUID
    title: str
    truth_mode: Literal["fiction", "inspired", "documented"]
    label: str
    state: Literal["generating", "ready", "failed"]
    is_latest: bool
    token_cost: int
    generation_id: UUID | None
    origin: Literal["generated", "house", "cloned"]
    source: CopiedFromOut | None
    moderation: Literal["pending", "approved", "flagged", "blocked"]
    publish_state: Literal["draft", "in_review", "published", "unlisted", "withdrawn"]
    published_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, story: Story) -> Self:
        """Show a story in a list."""
        return cls.model_validate(_summary(story))


class StoryOut(StorySummary):
    """A story with its text; the label is part of every representation."""

    body: str

    @classmethod
    def of(cls, story: Story) -> Self:
        """Show a story whole."""
        return cls.model_validate({**_summary(story), "body": story.body})


def source_out(source: Source | None) -> CopiedFromOut | None:
    """Show what a copy was made of."""
    return CopiedFromOut(story_id=source.id, title=source.title) if source else None


def events_path(generation_id: UUID) -> str:
    """Return where the events of a generation are."""
    return f"/story/v1/generations/{generation_id}/events"


def kind_name(generation: Generation) -> KindName:
    """Return the kind."""
    return _KIND.validate_python(generation.kind)


def story_id(generation: Generation) -> UUID | None:
    """Return the story that it writes, if it writes one."""
    return generation.target.id if generation.target.type == "story" else None


def usage_out(generation: Generation) -> UsageOut | None:
    """Show what was used, if anything is charged."""
    usage = generation.usage
    if usage is None:
        return None
    return UsageOut(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total,
        estimated=usage.estimated,
    )


def _summary(story: Story) -> dict[str, object]:
    return {
        "id": story.id,
        "title": story.title,
        "truth_mode": story.truth_mode.value,
        "label": story.label,
        "state": story.state.value,
        "is_latest": story.is_latest,
        "token_cost": story.token_cost,
        "generation_id": story.generation_id,
        "origin": story.origin.value,
        "source": source_out(story.source),
        "moderation": story.moderation.value,
        "publish_state": story.publish_state.value,
        "published_at": story.published_at,
        "version": story.version,
        "created_at": story.created_at,
        "updated_at": story.updated_at,
    }
