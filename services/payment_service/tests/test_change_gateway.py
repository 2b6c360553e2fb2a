"""Running subscriptions by the vendor's SDK against the Stripe stand-in, and the fake that other tests stand on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from common_service.clock import utc_now
from payment_service.application.change_ports import SubscriptionGateway
from payment_service.application.ports import PaymentGateway
from payment_service.domain.changes import ChangeOrder, Effect, RunningSubscription
from payment_service.domain.checkout import CheckoutOrder
from payment_service.domain.errors import ProviderRefused
from payment_service.domain.ids import CustomerId
from payment_service.domain.plans import Price
from payment_service.domain.subscription import ProviderStatus
from payment_service.infrastructure.stripe_gateway import StripeGateway
from sandbox.stripe.testing import API_KEY, Stand, running_stripe
from services.payment_service.tests.fake_subscriptions import FakeSubscriptions
from services.payment_service.tests.harness import somebody
from services.payment_service.tests.worlds import FakeStripe

pytestmark = pytest.mark.anyio
DAY = 86_400


@dataclass(slots=True)
class Provider:
    """A provider, and somebody who subscribes there by another way than our page."""

    gateway: PaymentGateway
    subscriptions: SubscriptionGateway
    stand: Stand | None = None
    fake: FakeSubscriptions | None = None
    run: str = field(default_factory=lambda: str(uuid4()))

    def named(self, what: str) -> str:
        """Return a name that no other test uses."""
        return f"{what}:{self.run}"

    async def subscribe(self, plan: str = "pro", card: str = "pm_card_visa", **given: Any) -> RunningSubscription:
        """Return a new subscription."""
        customer, price = await self.gateway.create_customer(somebody()), await self.price(plan)
        if isinstance(self.gateway, StripeGateway):
            name = self.make(customer, price.provider_id, card, **given)
        else:
            name = await self._fake(customer, price)
        running = await self.subscriptions.running(name)
        assert running is not None
        return running

    async def _fake(self, customer: CustomerId, price: Price) -> str:
        order = CheckoutOrder(uuid4(), somebody(), customer, price.provider_id, "/")
        page = await self.gateway.open_checkout(order)
        assert self.fake is not None
        self.fake.stripe.pay(page.provider_id)
        return self.fake.stripe.subscriptions[customer][-1].terms.provider_id

    def make(self, customer: str, price_id: str, card: str, **given: Any) -> str:
        """Subscribe by the SDK; return the name of the subscription."""
        assert isinstance(self.gateway, StripeGateway)
        api = self.gateway.calls.client.v1
        method = api.payment_methods.attach(card, {"customer": customer})
        asked: Any = {"customer": customer, "items": [{"price": price_id}], "default_payment_method": method.id}
        return api.subscriptions.create(asked | given).id

    def take_a_failing_card(self, running: RunningSubscription, card: str = "pm_card_chargeCustomerFail") -> None:
        """Let the next bill stay open."""
        if self.fake:
            self.fake.needs_its_owner = True
            return
        assert isinstance(self.gateway, StripeGateway)
        api = self.gateway.calls.client.v1
        name = running.terms.provider_id
        customer = str(api.subscriptions.retrieve(name).customer)
        method = api.payment_methods.attach(card, {"customer": customer})
        api.subscriptions.update(name, {"default_payment_method": method.id})

    async def price(self, plan: str, interval: str = "month") -> Price:
        [found] = await self.gateway.prices([f"{plan}_{interval}"])
        return Price(uuid4(), plan, found.provider_id, found.currency, found.unit_amount, found.interval)

    async def order(self, running: RunningSubscription, plan: str, effect: Effect = "now") -> ChangeOrder:
        return ChangeOrder(running, await self.price(plan), effect)

    async def again(self, running: RunningSubscription) -> RunningSubscription:
        found = await self.subscriptions.running(running.terms.provider_id)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with running_stripe(Path(tmp_path_factory.mktemp("stripe"))) as stand:
        yield stand


@pytest.fixture
def sandbox(stand: Stand) -> Iterator[Provider]:
    gateway = StripeGateway(API_KEY, api_base=stand.url, web_origin="http://web.test")
    yield Provider(gateway, gateway.subscriptions, stand=stand)
    gateway.close()


@pytest.fixture(params=["fake", "sandbox"])
def provider(request: pytest.FixtureRequest) -> Provider:
    if request.param == "fake":
        fake = FakeStripe(utc_now)
        subscriptions = FakeSubscriptions(fake)
        return Provider(fake, subscriptions, fake=subscriptions)
    provider: Provider = request.getfixturevalue("sandbox")
    return provider


async def test_a_subscription_is_read_as_it_is(provider: Provider) -> None:
    running = await provider.subscribe()
    terms = running.terms
    assert (terms.status, terms.interval, running.bill_url) == (ProviderStatus.ACTIVE, "month", None)
    assert (terms.pending_price_id, terms.schedule_id, running.item_id.startswith("si_")) == (None, None, True)
    assert await provider.subscriptions.running("sub_of_nobody") is None


async def test_an_upgrade_costs_what_was_foreseen(provider: Provider) -> None:
    running = await provider.subscribe()
    order = await provider.order(running, "max")
    bill = await provider.subscriptions.foresee(order)
    assert bill.proration_at is not None
    assert (bill.currency, bill.balance, bill.amount_due, len(bill.lines)) == ("usd", 0, bill.total, 2)
    quoted = ChangeOrder(running, order.price, "now", bill.proration_at)
    changed = await provider.subscriptions.change_now(quoted, provider.named("up"))
    again = await provider.subscriptions.change_now(quoted, provider.named("up"))
    assert changed.reading.price_id == again.reading.price_id == order.price.provider_id
    assert (changed.terms.period_end, changed.terms.waits_for_payment) == (running.terms.period_end, False)
    customer = await _customer_of(provider, running)
    bills = [each for each in (await provider.gateway.read_customer(customer)).invoices if each.is_paid]
    assert sorted(each.amount_paid for each in bills) == sorted([999, bill.amount_due])


async def test_a_downgrade_is_planned_foreseen_and_taken_back(provider: Provider) -> None:
    running = await provider.subscribe("max")
    order = await provider.order(running, "pro", "period_end")
    bill = await provider.subscriptions.foresee(order)
    assert (bill.amount_due, bill.proration_at) == (999, None)
    await provider.subscriptions.change_later(order, provider.named("down"))
    await provider.subscriptions.change_later(order, provider.named("down"))
    planned = await provider.again(running)
    assert planned.reading.price_id == running.reading.price_id
    assert planned.terms.pending_price_id == order.price.provider_id
    assert planned.terms.pending_at == running.terms.period_end
    customer = await _customer_of(provider, running)
    [listed] = (await provider.gateway.read_customer(customer)).subscriptions
    assert listed.terms == planned.terms
    await provider.subscriptions.withdraw(planned, provider.named("back"))
    free = await provider.again(running)
    assert (free.terms.pending_price_id, free.terms.schedule_id) == (None, None)


async def test_a_bill_that_is_not_paid_keeps_the_change_waiting(provider: Provider) -> None:
    running = await provider.subscribe()
    provider.take_a_failing_card(running)
    changed = await provider.subscriptions.change_now(await provider.order(running, "max"), provider.named("up"))
    assert (changed.terms.waits_for_payment, changed.terms.status) == (True, ProviderStatus.ACTIVE)
    assert changed.reading.price_id == running.reading.price_id
    assert changed.bill_url is not None
    assert changed.action == {"type": "pay_invoice", "href": changed.bill_url}
    await provider.subscriptions.withdraw(changed, provider.named("back"))
    free = await provider.again(running)
    assert (free.terms.pending_price_id, free.bill_url) == (None, None)


async def test_it_ends_with_its_period_and_goes_on_after_all(provider: Provider) -> None:
    running = await provider.subscribe()
    ended = await provider.subscriptions.end(running, "too dark", provider.named("end"))
    assert (ended.terms.is_ending, ended.terms.status) == (True, ProviderStatus.ACTIVE)
    assert ended.terms.cancel_at == running.terms.period_end
    going = await provider.subscriptions.go_on(ended, provider.named("resume"))
    assert (going.terms.is_ending, going.terms.cancel_at) == (False, None)


async def test_a_planned_change_comes_and_leaves_room_for_the_next(sandbox: Provider) -> None:
    running = await sandbox.subscribe("max")
    await sandbox.subscriptions.change_later(await sandbox.order(running, "pro", "period_end"), sandbox.named("a"))
    assert sandbox.stand is not None
    assert running.terms.period_end is not None
    sandbox.stand.post("/_sandbox/clock", {"to": int(running.terms.period_end.timestamp()) + 1}).raise_for_status()
    down = await sandbox.again(running)
    assert (down.reading.lookup_key, down.terms.pending_price_id) == ("pro_month", None)
    assert down.terms.schedule_id is not None  # the schedule holds on for the new period
    up = await sandbox.subscriptions.change_now(await sandbox.order(down, "max"), sandbox.named("b"))
    assert (up.reading.lookup_key, up.terms.schedule_id) == ("max_month", None)


async def test_a_schedule_that_says_nothing_is_used(sandbox: Provider) -> None:
    running = await sandbox.subscribe("max")
    assert isinstance(sandbox.gateway, StripeGateway)
    api = sandbox.gateway.calls.client.v1
    api.subscription_schedules.create({"from_subscription": running.terms.provider_id})
    held = await sandbox.again(running)
    assert (held.terms.pending_price_id, held.terms.schedule_id is not None) == (None, True)
    await sandbox.subscriptions.change_later(await sandbox.order(held, "pro", "period_end"), sandbox.named("down"))
    assert (await sandbox.again(running)).terms.schedule_id == held.terms.schedule_id


async def test_a_payment_that_waits_for_authentication_tells_where(sandbox: Provider) -> None:
    running = await sandbox.subscribe()
    sandbox.take_a_failing_card(running, "pm_card_authenticationRequired")
    changed = await sandbox.subscriptions.change_now(await sandbox.order(running, "max"), sandbox.named("up"))
    assert changed.terms.waits_for_payment
    assert changed.bill_url is not None
    assert sandbox.stand is not None
    sandbox.stand.advance(24 * 3600)
    forgotten = await sandbox.again(running)
    assert (forgotten.terms.pending_price_id, forgotten.reading.lookup_key) == (None, "pro_month")


async def test_an_incomplete_subscription_tells_where_to_finish_and_expires(sandbox: Provider) -> None:
    running = await sandbox.subscribe(card="pm_card_authenticationRequired")
    assert running.terms.status is ProviderStatus.INCOMPLETE
    assert running.action["type"] == "pay_invoice"
    customer = await _customer_of(sandbox, running)
    [invoice] = (await sandbox.gateway.read_customer(customer)).invoices
    assert (invoice.status, invoice.hosted_url) == ("open", running.bill_url)
    given_up = await sandbox.subscribe(card="pm_card_authenticationRequired")
    ended = await sandbox.subscriptions.end(given_up, None, sandbox.named("end"))
    assert ended.terms.status is ProviderStatus.INCOMPLETE_EXPIRED
    assert sandbox.stand is not None
    sandbox.stand.advance(24 * 3600)
    assert (await sandbox.again(running)).terms.status is ProviderStatus.INCOMPLETE_EXPIRED


async def test_another_interval_is_billed_at_once(sandbox: Provider) -> None:
    running = await sandbox.subscribe()
    order = ChangeOrder(running, await sandbox.price("max", "year"), "now")
    bill = await sandbox.subscriptions.foresee(order)
    changed = await sandbox.subscriptions.change_now(order, sandbox.named("year"))
    assert (changed.terms.interval, bill.amount_due) == ("year", 19990 - 999)


async def test_in_a_trial_another_plan_costs_nothing_yet(sandbox: Provider) -> None:
    running = await sandbox.subscribe("max", trial_period_days=7)
    assert running.terms.status is ProviderStatus.TRIALING
    order = await sandbox.order(running, "pro")
    bill = await sandbox.subscriptions.foresee(order)
    changed = await sandbox.subscriptions.change_now(order, sandbox.named("down"))
    assert (bill.amount_due, bill.proration_at) == (999, None)
    assert (changed.reading.lookup_key, changed.terms.trial_end) == ("pro_month", running.terms.trial_end)


async def test_an_end_on_a_date_is_taken_back_too(sandbox: Provider) -> None:
    running = await sandbox.subscribe()
    assert isinstance(sandbox.gateway, StripeGateway)
    assert running.terms.period_end is not None
    at = int(running.terms.period_end.timestamp()) + 5 * DAY
    sandbox.gateway.calls.client.v1.subscriptions.update(running.terms.provider_id, {"cancel_at": at})
    going = await sandbox.subscriptions.go_on(await sandbox.again(running), sandbox.named("resume"))
    assert not going.terms.is_ending


async def test_what_stripe_will_not_do_is_a_refusal(sandbox: Provider) -> None:
    running = await sandbox.subscribe()
    nothing = Price(uuid4(), "gold", "price_of_nothing", "usd", 1, "month")
    with pytest.raises(ProviderRefused):
        await sandbox.subscriptions.change_now(ChangeOrder(running, nothing, "now"), sandbox.named("gold"))


async def _customer_of(provider: Provider, running: RunningSubscription) -> CustomerId:
    if provider.fake:
        customer, _ = provider.fake._place(running.terms.provider_id)
        return CustomerId(customer)
    assert isinstance(provider.gateway, StripeGateway)
    body = provider.gateway.calls.client.v1.subscriptions.retrieve(running.terms.provider_id)
    return CustomerId(str(body.customer))
