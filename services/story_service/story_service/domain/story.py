"""A story: what a reader asked for, what was written, and the label that it always carries."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from story_service.domain.ids import GenerationId, StoryId, UserId

_LONGEST_TITLE = 200
UNTITLED = "Untitled case"


class TruthMode(StrEnum):
    """How a story stands to what happened."""

    FICTION = "fiction"
    INSPIRED = "inspired"


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


LABELS = {
    TruthMode.FICTION: "AI-generated fiction",
    TruthMode.INSPIRED: "AI-generated, inspired by real events",
}


@dataclass(frozen=True, slots=True)
class StoryRequest:
    """What a reader asks to be written."""

    prompt: str
    truth_mode: TruthMode = TruthMode.FICTION
    length: Length = Length.MEDIUM
    tone: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A story in its reader's library. `version` counts what a reader can see change."""

    id: StoryId
    user_id: UserId
    generation_id: GenerationId
    truth_mode: TruthMode
    created_at: datetime
    updated_at: datetime
    state: StoryState = StoryState.GENERATING
    title: str = ""
    body: str = ""
    is_latest: bool = False
    token_cost: int = 0
    cost_micros: int = 0
    approved: bool = False
    version: int = 1
    deleted_at: datetime | None = None

    @property
    def label(self) -> str:
        """The truth label of every representation."""
        return LABELS[self.truth_mode]

    def ready(self, text: str, *, tokens: int, cost_micros: int, now: datetime) -> "Story":
        """Return the story with its whole text, moderated, as the reader's latest."""
        done = self._with_text(text, StoryState.READY, tokens, cost_micros, now)
        return replace(done, approved=True, is_latest=self.deleted_at is None)

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
