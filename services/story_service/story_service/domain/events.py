"""Facts that others hear of, past tense (events-and-states.md, section 8). No text of a story is in them."""

from dataclasses import dataclass
from datetime import datetime

from story_service.domain.cases.events import CaseUpdated, PersonStatusChanged
from story_service.domain.chat.events import ConversationCreated, MessageCompleted
from story_service.domain.desk.events import ModerationCaseOpened, ModerationCaseResolved, UserStruck
from story_service.domain.generation import Generation
from story_service.domain.ids import ReservationId, UserId
from story_service.domain.moderation import Decision
from story_service.domain.story import Story
from story_service.domain.usage import Line


@dataclass(frozen=True, slots=True)
class StoryCreated:
    """A story is ready."""

    story: Story


@dataclass(frozen=True, slots=True)
class GenerationClosed:
    """A generation ended, one way or another."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class UsageSettled:
    """A reader was charged."""

    generation: Generation
    reservation_id: ReservationId
    lines: tuple[Line, ...]
    ledger_seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ModerationDecided:
    """A text was turned away."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class StoryPublished:
    """Others can read a story."""

    story: Story


@dataclass(frozen=True, slots=True)
class StoryUnpublished:
    """Others can read it no more."""

    story: Story
    reason: str


@dataclass(frozen=True, slots=True)
class StoryCloned:
    """A reader has a copy of somebody's story, or of the house's, which has no author."""

    story: Story
    author_id: UserId | None


@dataclass(frozen=True, slots=True)
class StoriesPurged:
    """A plan keeps only so many stories; older ones made room."""

    user_id: UserId
    count: int
    at: datetime


@dataclass(frozen=True, slots=True)
class StoryAnalyzed:
    """Questions about a story were answered."""

    story: Story
    kinds: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class CharactersExtracted:
    """Whoever occurs in a story was found."""

    story: Story
    count: int
    at: datetime


Event = (
    StoryCreated
    | GenerationClosed
    | UsageSettled
    | ModerationDecided
    | StoryPublished
    | StoryUnpublished
    | StoryCloned
    | CaseUpdated
    | PersonStatusChanged
    | ConversationCreated
    | ModerationCaseOpened
    | ModerationCaseResolved
    | UserStruck
    | StoriesPurged
    | StoryAnalyzed
    | CharactersExtracted
    | MessageCompleted
)
