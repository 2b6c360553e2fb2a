"""Cancel with the period, and resume."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from payment_service.application.call_provider import CallProvider, Held
from payment_service.application.open_checkout import Opened
from payment_service.application.ports import Attempt
from payment_service.domain.change_errors import NotCancelling
from payment_service.domain.json_text import rfc3339


@dataclass(frozen=True, slots=True)
class CancelSubscription:
    """Raises NoLiveSubscription, and what the provider raises. A pending change is taken back first."""

    call: CallProvider

    async def __call__(self, attempt: Attempt, reason: str | None) -> Opened:
        """End it with its period, or at once where nothing was paid yet; return when."""
        return await self.call(attempt, partial(self._cancel, reason))

    async def _cancel(self, reason: str | None, held: Held, name: str) -> dict[str, Any]:
        running = held.running
        if running.terms.pending_price_id or running.terms.schedule_id:
            await self.call.gateway.withdraw(running, name)
        ended = running if running.terms.is_ending else await self.call.gateway.end(running, reason, name)
        terms = ended.terms
        return {"ends_at": rfc3339(terms.ended_at or terms.cancel_at or terms.period_end)}


@dataclass(frozen=True, slots=True)
class ResumeSubscription:
    """Raises NoLiveSubscription, NotCancelling, and what the provider raises."""

    call: CallProvider

    async def __call__(self, attempt: Attempt) -> Opened:
        """Let it go on; return when it renews."""
        return await self.call(attempt, self._resume)

    async def _resume(self, held: Held, name: str) -> dict[str, Any]:
        if not held.running.terms.is_ending:
            raise NotCancelling
        going = await self.call.gateway.go_on(held.running, name)
        return {"renews_at": rfc3339(going.terms.period_end)}
