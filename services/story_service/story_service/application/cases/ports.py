"""What the use cases of case files need from outside, beyond a work of the service."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from story_service.application.attempts import AttemptKey
from story_service.application.ports import Work
from story_service.domain.cases.case_file import CaseFile, CaseHead
from story_service.domain.cases.changes import Change
from story_service.domain.cases.events import PersonStatusChanged
from story_service.domain.ids import StoryId, UserId
from story_service.domain.story import TruthMode

Document = dict[str, Any]
"""An answer as it goes over the wire."""


class Whose(StrEnum):
    """Parts of the archive that a reader may open."""

    HOUSE = "house"
    PUBLIC = "public"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class CasePage:
    """Which cases a page shows, the newest first."""

    user_id: UserId
    whose: Whose | None
    before: tuple[datetime, UUID] | None
    most: int


@dataclass(frozen=True, slots=True)
class Recheck:
    """Stories of a case that are to be read again because the law says something else of a person."""

    id: UUID
    case_id: UUID
    change: PersonStatusChanged
    after: StoryId | None = None


@dataclass(frozen=True, slots=True)
class Dependent:
    """A story that rests on a case."""

    id: StoryId
    user_id: UserId | None
    text: str


@dataclass(frozen=True, slots=True)
class CitedStory:
    """A story, and the case it rests on."""

    id: StoryId
    user_id: UserId | None
    case_id: UUID | None
    truth_mode: TruthMode
    body: str
    is_published: bool


class CaseFiles(Protocol):
    """Case files that are not deleted."""

    async def page(self, wanted: CasePage) -> Sequence[CaseHead]: ...

    async def find(self, case_id: UUID, *, lock: bool = False) -> CaseFile | None: ...

    async def number_of(self, user_id: UserId) -> int:
        """Count somebody's own."""
        ...

    async def add(self, head: CaseHead) -> None: ...

    async def keep(self, change: Change) -> None:
        """Write the head and the parts that were touched."""
        ...

    async def delete(self, case_id: UUID, now: datetime) -> None:
        """Hide one."""
        ...

    async def story(self, story_id: StoryId) -> CitedStory | None: ...

    async def has_published_stories(self, case_id: UUID) -> bool: ...


class Rechecks(Protocol):
    """The queue of stories to be read again, and what is found in them."""

    async def ask(self, recheck: Recheck) -> None:
        """Put one in the queue."""
        ...

    async def next(self) -> Recheck | None:
        """Return the oldest, locked; one that another process has is passed over."""
        ...

    async def dependents(self, recheck: Recheck, most: int) -> Sequence[Dependent]:
        """Return the next stories of the case, by id, locked."""
        ...

    async def flag(self, story_id: StoryId, now: datetime) -> None:
        """Mark a story; one that was published is withdrawn."""
        ...

    async def advance(self, recheck: Recheck, last: StoryId) -> None:
        """Go on behind this story next time."""
        ...

    async def end(self, recheck: Recheck) -> None:
        """Take it out of the queue."""
        ...


class Answers(Protocol):
    """Answers under idempotency keys, as they went over the wire."""

    async def answer(self, user_id: str, route: str, key: AttemptKey, now: datetime) -> Document | None:
        """Look without taking the key. Raises IdempotencyKeyReused."""
        ...

    async def claim(self, user_id: str, route: str, key: AttemptKey, now: datetime) -> Document | None:
        """Take the key, or wait for whoever has it and return the answer. Raises as `answer` does."""
        ...

    async def keep(self, user_id: str, route: str, key: AttemptKey, status: int, body: Document) -> None:
        """Keep the answer under a key that this work took."""
        ...


class CaseWork(Work, Protocol):
    """One transaction over case files too."""

    cases: CaseFiles
    rechecks: Rechecks
    answers: Answers


StartCaseWork = Callable[[], CaseWork]
