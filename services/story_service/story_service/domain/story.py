"""A story: what a reader asked for, what was written, and the label that it always carries."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from story_service.domain.cast import CastMember
from story_service.domain.errors import StoryIsPublished, StoryNotReady, VersionConflict
from story_service.domain.ids import GenerationId, StoryId, UserId

_LONGEST_TITLE = 200
UNTITLED = "Untitled case"


class TruthMode(StrEnum):
    """How a story stands to what happened."""

    FICTION = "fiction"
    INSPIRED = "inspired"
    DOCUMENTED = "documented"


class Length(StrEnum):
    """How long a story is to be."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"


class StoryState(StrEnum):
    """Where the text of a story stands."""

    GENERATING = "generating"
    READY = "ready"
    FAILED = "failed"


class Origin(StrEnum):
    """Where a story comes from."""

    GENERATED = "generated"
    HOUSE = "house"
    CLONED = "cloned"


class Moderation(StrEnum):
    """What is known of a text (events-and-states.md 9.4). An edit leaves flagged and blocked what was."""

    PENDING = "pending"
    APPROVED = "approved"
    FLAGGED = "flagged"
    BLOCKED = "blocked"


class PublishState(StrEnum):
    """Who meets a story: an unlisted one is found by its id alone (events-and-states.md 9.7)."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    PUBLISHED = "published"
    UNLISTED = "unlisted"
    WITHDRAWN = "withdrawn"


SHOWN = frozenset({PublishState.PUBLISHED, PublishState.UNLISTED})
LABELS = {
    TruthMode.FICTION: "AI-generated fiction",
    TruthMode.INSPIRED: "AI-generated, inspired by real events",
    TruthMode.DOCUMENTED: "AI-generated from a documented case",
}


@dataclass(frozen=True, slots=True)
class StoryRequest:
    """What a reader asks to be written; of which case, and what a model is told of it: as the file was then."""

    prompt: str
    truth_mode: TruthMode = TruthMode.FICTION
    length: Length = Length.MEDIUM
    tone: str | None = None
    universe: str | None = None
    scenario: str | None = None
    cast: tuple[CastMember, ...] = ()
    case_id: UUID | None = None
    brief: str = ""

    @property
    def words(self) -> str:
        """The reader's own words in it; characters are judged where they are made."""
        return "\n".join(part for part in (self.prompt, self.tone, self.universe, self.scenario) if part).strip()


@dataclass(frozen=True, slots=True)
class Source:
    """The story that another one was cloned from, under the title that it had then."""

    id: StoryId
    title: str


@dataclass(frozen=True, slots=True)
class Story:
    """A story in its reader's library. `version` counts what a reader can see change.

    The truth mode is never changed: its label goes with every text that comes of the story. A clone has no generation.
    """

    id: StoryId
    user_id: UserId
    generation_id: GenerationId | None
    truth_mode: TruthMode
    created_at: datetime
    updated_at: datetime
    state: StoryState = StoryState.GENERATING
    title: str = ""
    body: str = ""
    is_latest: bool = False
    token_cost: int = 0
    cost_micros: int = 0
    moderation: Moderation = Moderation.PENDING
    version: int = 1
    deleted_at: datetime | None = None
    origin: Origin = Origin.GENERATED
    source: Source | None = None
    publish_state: PublishState = PublishState.DRAFT
    published_at: datetime | None = None
    synopsis: str = ""
    language: str = "en"
    case_id: UUID | None = None

    @property
    def label(self) -> str:
        """The truth label of every representation."""
        return LABELS[self.truth_mode]

    @property
    def is_shown(self) -> bool:
        """Whether others can read it."""
        return self.publish_state in SHOWN

    def demand_ready(self) -> None:
        """Raise StoryNotReady for a story without its whole text."""
        if self.state is not StoryState.READY:
            raise StoryNotReady

    def demand_version(self, version: int) -> None:
        """Raise VersionConflict unless this is the version that somebody has seen."""
        if self.version != version:
            raise VersionConflict

    @property
    def is_changeable(self) -> bool:
        """Whether there is a text that nobody else reads, or is about to."""
        shown = self.is_shown or self.publish_state is PublishState.IN_REVIEW
        return self.state is StoryState.READY and not shown

    def demand_changeable(self) -> None:
        """Raise StoryNotReady, StoryIsPublished."""
        self.demand_ready()
        if not self.is_changeable:
            raise StoryIsPublished

    def rewritten(self, title: str, body: str, now: datetime) -> "Story":
        """Return it with another text, which nobody has judged. Raises as `demand_changeable` does."""
        self.demand_changeable()
        judged = Moderation.PENDING if self.moderation is Moderation.APPROVED else self.moderation
        return replace(self, title=title, body=body, moderation=judged, version=self.version + 1, updated_at=now)

    def ready(self, text: str, *, tokens: int, cost_micros: int, now: datetime) -> "Story":
        """Return the story with its whole text, moderated, as the reader's latest."""
        done = self._with_text(text, StoryState.READY, tokens, cost_micros, now)
        return replace(done, moderation=Moderation.APPROVED, is_latest=self.deleted_at is None)

    def failed(self, text: str, *, tokens: int, cost_micros: int, now: datetime) -> "Story":
        """Return the story with the part that was written, if any."""
        return self._with_text(text, StoryState.FAILED, tokens, cost_micros, now)

    def _with_text(self, text: str, state: StoryState, tokens: int, cost_micros: int, now: datetime) -> "Story":
        title, body = split_title(text) if text else ("", "")
        return replace(
            self,
            state=state,
            title=title,
            body=body,
            token_cost=tokens,
            cost_micros=cost_micros,
            version=self.version + 1,
            updated_at=now,
        )


def split_title(text: str) -> tuple[str, str]:
    """Part a model's text into its title line and the rest; a text without a title line keeps all its words."""
    first, newline, rest = text.lstrip().partition("\n")
    title = first.strip().strip("#*_ ").removeprefix("Title:").strip("#*_ \"'")
    if not newline or not title or len(title) > _LONGEST_TITLE or not rest.strip():
        return UNTITLED, text.strip()
    return title, rest.strip()
