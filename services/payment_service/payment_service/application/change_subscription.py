"""Another plan or interval: what it would cost, doing it, and taking it back. The server chooses the price."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from payment_service.application.call_provider import CallProvider, Held, Step, contract_of, look_up
from payment_service.application.change_ports import SubscriptionGateway
from payment_service.application.open_checkout import Opened
from payment_service.application.ports import Attempt, StartWork
from payment_service.domain.change_errors import NoChangePending, PaymentActionRequired, ProrationStale, SamePlan
from payment_service.domain.changes import Bill, ChangeOrder, check_changeable, effect_of
from payment_service.domain.errors import PlanUnknown
from payment_service.domain.ids import UserId
from payment_service.domain.json_text import rfc3339
from payment_service.domain.plans import Interval
from payment_service.domain.subscription import ProviderStatus

_QUOTED_FOR, _AHEAD = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ChangeWish:
    """What a person wants to have instead. `proration_at`: the moment of the preview whose amounts they have seen."""

    plan_code: str
    interval: Interval
    proration_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would cost, by the provider's own count. `due_at`: when the bill falls due, None for at once."""

    order: ChangeOrder
    bill: Bill
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class PreviewChange:
    """Raises what stands in the way of the change, PlanUnknown, PricesNotLoaded, and what the provider raises."""

    start_work: StartWork
    gateway: SubscriptionGateway

    async def __call__(self, user_id: UserId, wish: ChangeWish) -> Preview:
        """Foresee the change that is wished for, and change nothing."""
        async with self.start_work() as work:
            contract = await contract_of(work, user_id)
        order = _order(await look_up(self.gateway, contract), wish)
        bill, terms = await self.gateway.foresee(order), order.running.terms
        is_later = order.effect == "period_end" or terms.status is ProviderStatus.TRIALING
        return Preview(order, bill, terms.period_end if is_later else None)


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """Raises what PreviewChange raises, ProrationStale, and PaymentActionRequired when the payment needs its owner."""

    call: CallProvider

    async def __call__(self, attempt: Attempt, wish: ChangeWish) -> Opened:
        """Change at once or at the end of the period."""
        return await self.call(attempt, partial(self._plan, wish), SamePlan)

    async def _plan(self, wish: ChangeWish, held: Held) -> Step:
        order = _order(held, wish)
        if order.effect == "now":
            await self._check_moment(order)
        at = order.running.terms.period_end if order.effect == "period_end" else None
        wished = {"plan_code": wish.plan_code, "interval": wish.interval}
        answer = wished | {"takes_effect": order.effect, "takes_effect_at": rfc3339(at)}
        return Step(answer, partial(self._change, order))

    async def _change(self, order: ChangeOrder, name: str) -> None:
        if order.effect == "period_end":
            await self.call.gateway.change_later(order, name)
            return
        changed = await self.call.gateway.change_now(order, name)
        if changed.terms.waits_for_payment:
            raise PaymentActionRequired(changed.action)

    async def _check_moment(self, order: ChangeOrder) -> None:
        """Refuse a moment of the caller's own choice, by the provider's clock: at the period's end all is free."""
        if order.proration_at is None:
            return
        present = (await self.call.gateway.foresee(replace(order, proration_at=None))).proration_at
        if present is not None and not present - _QUOTED_FOR <= order.proration_at <= present + _AHEAD:
            raise ProrationStale


@dataclass(frozen=True, slots=True)
class WithdrawChange:
    """Raises NoLiveSubscription, NoChangePending, and what the provider raises."""

    call: CallProvider

    async def __call__(self, attempt: Attempt) -> Opened:
        """Take back the change that is pending; return with which plan it goes on."""
        return await self.call(attempt, self._plan, NoChangePending)

    async def _plan(self, held: Held) -> Step:
        if held.running.terms.pending_price_id is None:
            raise NoChangePending
        answer = {"plan_code": _current(held), "interval": held.running.terms.interval}
        return Step(answer, partial(self.call.gateway.withdraw, held.running))


def _order(held: Held, wish: ChangeWish) -> ChangeOrder:
    running, catalogue = held.running, held.contract.catalogue
    plans, price = catalogue.plans, catalogue.sold(wish.plan_code, wish.interval)
    if held.is_promised and running.terms.pending_price_id == price.provider_id:  # the change that was asked for
        raise PaymentActionRequired(running.action) if running.terms.waits_for_payment else SamePlan
    check_changeable(running)
    current = _current(held)
    if (current, running.terms.interval) == (wish.plan_code, wish.interval):
        raise SamePlan
    if current not in plans:
        raise PlanUnknown
    effect = effect_of(running.terms, plans[current], plans[wish.plan_code], wish.interval)
    return ChangeOrder(running, price, effect, wish.proration_at)


def _current(held: Held) -> str:
    reading = held.running.reading
    contract = held.contract
    return contract.catalogue.plan_of(reading.price_id, reading.lookup_key) or contract.subscription.plan_code
