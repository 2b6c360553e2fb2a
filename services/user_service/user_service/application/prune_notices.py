"""Lets go of what people were told long ago: out of their lists, and of the e-mails that are settled."""

from dataclasses import dataclass
from datetime import timedelta

from user_service.application.ports import Clock, StartWork


@dataclass(frozen=True, slots=True)
class PruneNotices:
    """What is gone could be told again: keep it longer than any event can come again (`INBOX_KEPT`)."""

    start_work: StartWork
    now: Clock
    kept: timedelta
    at_once: int = 1000

    async def __call__(self) -> bool:
        """Remove one batch of each; return whether there may be more."""
        before = self.now() - self.kept
        async with self.start_work() as work:
            gone = [
                await work.notifications.prune(before, self.at_once),
                await work.messages.prune(before, self.at_once),
            ]
            await work.commit()
        return max(gone) >= self.at_once
