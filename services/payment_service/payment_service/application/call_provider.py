"""How a running subscription is changed: claim, leave the house, tell that a sync is due.

First transaction: the key is claimed, and with it the only lane of this person, so that two tabs cannot change at once.
Then the provider says what there is now. Second transaction: the key knows what it is to be answered. The provider is
asked for the change, under names made of the key. Third transaction: the key has its answer, and the customer is due to
be synced. What people see afterwards is what that sync has read.

Where the provider's answer is lost, the key keeps what it was to be answered: asked again under it, whatever has come
about meanwhile is what the first call did.
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
class Contract:
    """What we know before we ask."""

    customer_id: CustomerId
    subscription: Subscription
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription as the provider has it now. `is_promised`: this call came before, and nobody knows what of it."""

    contract: Contract
    running: RunningSubscription
    is_promised: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What a call is to be answered when `ask` has asked the provider for it, under a name; that may tell better."""

    answer: dict[str, Any]
    ask: Callable[[str], Awaitable[dict[str, Any] | None]]


Plan = Callable[[Held], Awaitable[Step]]
"""Decides by what the provider has now; changes nothing yet."""


@dataclass(frozen=True, slots=True)
class CallProvider:
    """Raises NoLiveSubscription, and what the plan and the provider raise."""

    start_work: StartWork
    gateway: SubscriptionGateway
    now: Clock

    async def __call__(self, attempt: Attempt, plan: Plan, already: type[Refusal]) -> Opened:
        """Do it once for this key; return the answer. `already` is how the plan says that nothing is left to do."""
        async with self.start_work() as work:
            await work.lock_user(attempt.user_id)
            promised = await work.attempts.promised(attempt)
            if known := await work.attempts.claim(attempt, self.now(), _LOCK_FOR):
                return Opened(known, is_replay=True)
            if promised:
                await work.attempts.promise(attempt, promised)  # the key is new, and knows what the old one knew
            await work.attempts.claim(_lane(attempt), self.now(), _LOCK_FOR)
            contract = await contract_of(work, attempt.user_id, even_ended=promised is not None)
            await work.commit()
        try:
            step = await plan(await look_up(self.gateway, contract, is_promised=promised is not None))
        except Refusal as refusal:
            if promised and isinstance(refusal, already):
                await self._finish(attempt, contract, promised)
                return Opened(promised, is_replay=True)
            await self._give_back(attempt, contract, is_promised=promised is not None)
            raise
        return Opened(await self._ask(attempt, contract, step), is_replay=False)

    async def _ask(self, attempt: Attempt, contract: Contract, step: Step) -> StoredAnswer:
        async with self.start_work() as work:
            await work.attempts.promise(attempt, StoredAnswer(step.answer))
            await work.commit()
        try:
            told = await step.ask(f"{attempt.route}:{attempt.user_id}:{attempt.key}")
        except Refusal:
            await self._give_back(attempt, contract, is_promised=True)
            raise
        answer = StoredAnswer(told or step.answer)
        await self._finish(attempt, contract, answer)
        return answer

    async def _finish(self, attempt: Attempt, contract: Contract, answer: StoredAnswer) -> None:
        async with self.start_work() as work:
            await self._request_sync(work, contract)
            await work.attempts.complete(attempt, answer, None)
            await work.attempts.release(_lane(attempt))
            await work.commit()

    async def _give_back(self, attempt: Attempt, contract: Contract, *, is_promised: bool) -> None:
        """Let others in; what was refused may have come all the same, which the sync tells."""
        async with self.start_work() as work:
            await self._request_sync(work, contract)
            if is_promised:
                await work.attempts.leave(attempt, self.now())
            else:
                await work.attempts.release(attempt)
            await work.attempts.release(_lane(attempt))
            await work.commit()

    async def _request_sync(self, work: Work, contract: Contract) -> None:
        """Come first: the order of locks is sync, person, keys."""
        cause = Cause("manual", f"{_LANE}:{contract.subscription.id}")
        await work.syncs.request([contract.customer_id], cause, self.now())


async def contract_of(work: Work, user_id: UserId, *, even_ended: bool = False) -> Contract:
    """Return what somebody has. Raises NoLiveSubscription."""
    subscription = governing(await work.subscriptions.of(user_id))
    customer = await work.customers.of(user_id)
    if subscription is None or customer is None or not (even_ended or subscription.terms.is_live):
        raise NoLiveSubscription
    return Contract(customer.id, subscription, await work.plans.catalogue())


async def look_up(gateway: SubscriptionGateway, contract: Contract, *, is_promised: bool = False) -> Held:
    """Ask the provider how it stands now. Raises NoLiveSubscription."""
    running = await gateway.running(contract.subscription.terms.provider_id)
    if running is None or not running.terms.is_live:
        raise NoLiveSubscription
    return Held(contract, running, is_promised)


def _lane(attempt: Attempt) -> Attempt:
    return replace(attempt, route=_LANE, key=_LANE, digest=_LANE.encode())
