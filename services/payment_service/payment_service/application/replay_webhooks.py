"""What an admin does with the inbox: looks at it, and has events taken in once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payment_service.application.ports import Clock, StartWork
from payment_service.application.sync_ports import InboxSearch, KeptWebhook, WebhookState
from payment_service.domain.errors import WebhookNotFound

MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ReadWebhooks:
    """Lists webhooks."""

    start_work: StartWork

    async def __call__(
        self, wanted: InboxSearch, limit: int, before: tuple[datetime, str] | None
    ) -> tuple[list[KeptWebhook], bool]:
        """Return a page, youngest first, and whether there are more."""
        async with self.start_work() as work:
            found = await work.webhooks.page(wanted, limit + 1, before)
        return found[:limit], len(found) > limit


@dataclass(frozen=True, slots=True)
class ReplayWebhooks:
    """Has events taken in anew, whatever became of them: what they cause converges, so it is always safe."""

    start_work: StartWork
    now: Clock

    async def one(self, event_id: str, actor: UUID) -> None:
        """Replay one. Raises WebhookNotFound."""
        if not await self._replay([event_id], actor):
            raise WebhookNotFound

    async def all_in(self, state: WebhookState, actor: UUID) -> int:
        """Replay the oldest 500 in a state; return how many there were."""
        async with self.start_work() as work:
            named = await work.webhooks.in_state(state, MOST_AT_ONCE)
        return len(await self._replay(named, actor))

    async def _replay(self, event_ids: Sequence[str], actor: UUID) -> list[str]:
        async with self.start_work() as work:
            found = await work.webhooks.replay(event_ids, actor, self.now())
            await work.commit()
        return found
