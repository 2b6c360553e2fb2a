"""Cancel with the period, and resume."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from payment_service.application.call_provider import CallProvider, Held, Step
from payment_service.application.open_checkout import Opened
from payment_service.application.ports import Attempt
from payment_service.domain.change_errors import NoLiveSubscription, NotCancelling
from payment_service.domain.changes import RunningSubscription
from payment_service.domain.json_text import rfc3339
from payment_service.domain.subscription import ProviderStatus, Terms


@dataclass(frozen=True, slots=True)
class CancelSubscription:
    """Raises NoLiveSubscription, and what the provider raises. A pending change is taken back first."""

    call: CallProvider

    async def __call__(self, attempt: Attempt, reason: str | None) -> Opened:
        """End it with its period, or at once where nothing was paid yet; return when."""
        return await self.call(attempt, partial(self._plan, reason), NoLiveSubscription)

    async def _plan(self, reason: str | None, held: Held) -> Step:
        terms = held.running.terms
        ends_at = self.call.now() if terms.status is ProviderStatus.INCOMPLETE else _end_of(terms)
        return Step({"ends_at": rfc3339(ends_at)}, partial(self._cancel, reason, held.running))

    async def _cancel(self, reason: str | None, running: RunningSubscription, name: str) -> dict[str, Any]:
        if running.terms.pending_price_id or running.terms.schedule_id:
            await self.call.gateway.withdraw(running, name)
        ended = running if running.terms.is_ending else await self.call.gateway.end(running, reason, name)
        return {"ends_at": rfc3339(_end_of(ended.terms))}


@dataclass(frozen=True, slots=True)
class ResumeSubscription:
    """Raises NoLiveSubscription, NotCancelling, and what the provider raises."""

    call: CallProvider

    async def __call__(self, attempt: Attempt) -> Opened:
        """Let it go on; return when it renews."""
        return await self.call(attempt, self._plan, NotCancelling)

    async def _plan(self, held: Held) -> Step:
        if not held.running.terms.is_ending:
            raise NotCancelling
        return Step({"renews_at": rfc3339(held.running.terms.period_end)}, partial(self._resume, held.running))

    async def _resume(self, running: RunningSubscription, name: str) -> dict[str, Any]:
        going = await self.call.gateway.go_on(running, name)
        return {"renews_at": rfc3339(going.terms.period_end)}


def _end_of(terms: Terms) -> datetime | None:
    return terms.ended_at or terms.cancel_at or terms.period_end
