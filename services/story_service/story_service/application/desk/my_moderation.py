"""What was decided about a reader, and why; what stands against them; what can still be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from story_service.application.desk.ports import Ruling, StartDeskWork
from story_service.application.ports import Clock
from story_service.domain.desk.strikes import Strike
from story_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class MyModeration:
    """Reads, in one transaction."""

    start_work: StartDeskWork
    now: Clock

    async def __call__(
        self, user_id: UserId, *, before: tuple[datetime, UUID] | None, most: int
    ) -> tuple[Sequence[Ruling], Sequence[Strike]]:
        """Return a page of decisions, the newest first, and the strikes that stand."""
        async with self.start_work() as work:
            rulings = await work.desk.rulings(user_id, before=before, most=most)
            return rulings, await work.desk.standing(user_id, self.now())
