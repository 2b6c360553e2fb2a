"""How a running subscription is changed: claim, leave the house, tell that a sync is due.

First transaction: the key is claimed, and with it the only lane of this person, so that two tabs cannot change at once.
Then the provider says what there is now and is asked for the change, under names made of the key. Second transaction:
the key has its answer, and the customer is due to be synced. What people see afterwards is what that sync has read.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from payment_service.application.change_ports import SubscriptionGateway
from payment_service.application.open_checkout import Opened
from payment_service.application.ports import Attempt, Clock, StartWork, StoredAnswer, Work
from payment_service.domain.access import Cause
from payment_service.domain.change_errors import NoLiveSubscription
from payment_service.domain.changes import RunningSubscription
from payment_service.domain.errors import Refusal
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.plans import Catalogue
from payment_service.domain.subscription import Subscription, governing

_LOCK_FOR = timedelta(seconds=60)
_LANE = "subscription"


@dataclass(frozen=True, slots=True)
class Held:
    """Whose subscription a call is about, as the provider has it now, and what is sold."""

    customer_id: CustomerId
    subscription: Subscription
    catalogue: Catalogue
    running: RunningSubscription


@dataclass(frozen=True, slots=True)
class Contract:
    """What we know before we ask."""

    customer_id: CustomerId
    subscription: Subscription
    catalogue: Catalogue


Act = Callable[[Held, str], Awaitable[dict[str, Any]]]
"""Asks the provider under this name, and returns the answer."""


@dataclass(frozen=True, slots=True)
class CallProvider:
    """Raises NoLiveSubscription, and what `act` and the provider raise."""

    start_work: StartWork
    gateway: SubscriptionGateway
    now: Clock

    async def __call__(self, attempt: Attempt, act: Act) -> Opened:
        """Do it once for this key; return the answer."""
        async with self.start_work() as work:
            await work.lock_user(attempt.user_id)
            if known := await work.attempts.claim(attempt, self.now(), _LOCK_FOR):
                return Opened(known, is_replay=True)
            await work.attempts.claim(_lane(attempt), self.now(), _LOCK_FOR)
            contract = await contract_of(work, attempt.user_id)
            await work.commit()
        try:
            held = await look_up(self.gateway, contract)
            answer = StoredAnswer(await act(held, f"{attempt.route}:{attempt.user_id}:{attempt.key}"))
        except Refusal:
            await self._finish(attempt, contract, None)  # what was refused may have come all the same: the sync tells
            raise
        await self._finish(attempt, contract, answer)
        return Opened(answer, is_replay=False)

    async def _finish(self, attempt: Attempt, contract: Contract, answer: StoredAnswer | None) -> None:
        async with self.start_work() as work:  # order of locks: sync, person, keys
            cause = Cause("manual", f"{_LANE}:{contract.subscription.id}")
            await work.syncs.request([contract.customer_id], cause, self.now())
            if answer:
                await work.attempts.complete(attempt, answer, None)
            else:
                await work.attempts.release(attempt)
            await work.attempts.release(_lane(attempt))
            await work.commit()


async def contract_of(work: Work, user_id: UserId) -> Contract:
    """Return what somebody has. Raises NoLiveSubscription."""
    subscription = governing(await work.subscriptions.of(user_id))
    customer = await work.customers.of(user_id)
    if subscription is None or not subscription.terms.is_live or customer is None:
        raise NoLiveSubscription
    return Contract(customer.id, subscription, await work.plans.catalogue())


async def look_up(gateway: SubscriptionGateway, contract: Contract) -> Held:
    """Ask the provider how it stands now. Raises NoLiveSubscription."""
    running = await gateway.running(contract.subscription.terms.provider_id)
    if running is None or not running.terms.is_live:
        raise NoLiveSubscription
    return Held(contract.customer_id, contract.subscription, contract.catalogue, running)


def _lane(attempt: Attempt) -> Attempt:
    return replace(attempt, route=_LANE, key=_LANE, digest=_LANE.encode())
