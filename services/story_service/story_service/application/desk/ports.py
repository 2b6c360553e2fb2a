"""What the use cases of the moderation desk need from outside, beyond a work over case files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from story_service.application.cases.ports import CaseWork
from story_service.domain.desk.moderation_case import CaseKind, CaseState, ModerationCase, Target
from story_service.domain.desk.strikes import Strike
from story_service.domain.ids import DecisionId, UserId
from story_service.domain.moderation import Decision


@dataclass(frozen=True, slots=True)
class Queue:
    """Which cases a page of the queue shows, what is due first; without states those that are open."""

    kind: CaseKind | None
    states: tuple[CaseState, ...]
    after: tuple[datetime, UUID] | None
    most: int


@dataclass(frozen=True, slots=True)
class SeenTarget:
    """As much of a target as the desk needs; `is_public`: whoever has its id can see it."""

    target: Target
    owner_id: UserId | None
    is_public: bool
    text: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision about somebody, and the appeal against it."""

    decision: Decision
    appeal_id: UUID | None
    appeal_state: CaseState | None


class Targets(Protocol):
    """What can be reported, blocked and restored."""

    async def find(self, target: Target) -> SeenTarget | None: ...

    async def block(self, target: Target, now: datetime) -> None:
        """Hide it from everybody but its owner."""
        ...

    async def approve(self, target: Target, now: datetime) -> None:
        """Lift a block or a flag; who published it may publish it again."""
        ...


class Desk(Protocol):
    """Cases, decisions about people, strikes."""

    async def open(self, case: ModerationCase) -> bool:
        """Add a case; False when there is such an appeal or such an open report already."""
        ...

    async def find(self, case_id: UUID, *, lock: bool = False) -> ModerationCase | None: ...

    async def keep(self, case: ModerationCase) -> None:
        """Write one back."""
        ...

    async def page(self, queue: Queue) -> Sequence[ModerationCase]: ...

    async def decision(self, decision_id: DecisionId) -> Decision | None: ...

    async def rulings(self, user_id: UserId, *, before: tuple[datetime, UUID] | None, most: int) -> Sequence[Ruling]:
        """Return decisions about somebody that let nothing simply pass, the newest first."""
        ...

    async def strike(self, strike: Strike) -> None:
        """Add one."""
        ...

    async def void(self, decision_id: DecisionId, now: datetime) -> None:
        """Undo the strike of a decision, if it had one."""
        ...

    async def standing(self, user_id: UserId, now: datetime) -> Sequence[Strike]:
        """Return somebody's strikes that count now, the first to lapse first."""
        ...


class HumanCheck(Protocol):
    """Tells people from machines where nobody is signed in."""

    async def passes(self, token: str | None) -> bool:
        """Judge what the check gave the caller."""
        ...


class DeskWork(CaseWork, Protocol):
    """One transaction over the desk too."""

    desk: Desk
    targets: Targets


StartDeskWork = Callable[[], DeskWork]
