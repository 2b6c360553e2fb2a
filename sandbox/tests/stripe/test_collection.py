"""Payments that fail or wait for their holder: first ones, renewals, retries, and what is done after the last."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import httpx2
import pytest
import stripe

from sandbox.stripe.testing import BROWSER, Stand

Subscribe = Callable[..., stripe.Subscription]
DAY, HOUR = 86_400, 3600


def invoice_of(api: stripe.StripeClient, subscription: stripe.Subscription) -> stripe.Invoice:
    found = api.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice.payments"]})
    return cast("stripe.Invoice", found.latest_invoice)


def intent_of(api: stripe.StripeClient, invoice: stripe.Invoice) -> stripe.PaymentIntent:
    [payment] = api.v1.invoice_payments.list({"invoice": str(invoice.id)}).data
    return api.v1.payment_intents.retrieve(str(payment.payment.payment_intent))


def bank_page(intent: stripe.PaymentIntent) -> str:
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    return str(intent.next_action.redirect_to_url.url)


def status_of(api: stripe.StripeClient, subscription: stripe.Subscription) -> str:
    return str(api.v1.subscriptions.retrieve(subscription.id).status)


@pytest.fixture
def policy(shared: Stand) -> Iterator[Callable[..., httpx2.Response]]:
    before = shared.get("/_sandbox/billing")
    yield lambda **wanted: shared.post("/_sandbox/billing", wanted).raise_for_status()
    shared.post("/_sandbox/billing", before).raise_for_status()


class TestFirstPayment:
    @pytest.mark.parametrize("card", ["pm_card_authenticationRequiredOnSetup", "pm_card_authenticationRequired"])
    def test_the_holder_authenticates(self, api: stripe.StripeClient, subscribe: Subscribe, card: str) -> None:
        subscription = subscribe(card)
        assert subscription.status == "incomplete"
        intent = intent_of(api, invoice_of(api, subscription))
        assert intent.status == "requires_action"
        page = BROWSER.get(bank_page(intent))
        assert (page.status_code, "$9.99" in page.text) == (200, True)
        assert BROWSER.get(bank_page(intent)[:-1]).status_code == 404
        answer = BROWSER.post(bank_page(intent), data={"outcome": "complete"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/i/{invoice_of(api, subscription).id}")
        assert (status_of(api, subscription), invoice_of(api, subscription).status) == ("active", "paid")
        again = BROWSER.post(bank_page(intent), data={"outcome": "fail"})
        assert (again.status_code, status_of(api, subscription)) == (303, "active")

    def test_the_holder_does_not_authenticate(self, api: stripe.StripeClient, subscribe: Subscribe) -> None:
        subscription = subscribe("pm_card_threeDSecure2Required")
        intent = intent_of(api, invoice_of(api, subscription))
        BROWSER.post(bank_page(intent), data={"outcome": "fail"})
        failed = intent_of(api, invoice_of(api, subscription))
        assert failed.last_payment_error is not None
        assert (failed.status, failed.last_payment_error.code) == (
            "requires_payment_method",
            "payment_intent_authentication_failure",
        )
        assert status_of(api, subscription) == "incomplete"

    def test_nobody_pays_within_23_hours(self, api: stripe.StripeClient, shared: Stand, subscribe: Subscribe) -> None:
        subscription = subscribe("pm_card_chargeCustomerFail")
        shared.advance(23 * HOUR - 60)
        assert status_of(api, subscription) == "incomplete"
        shared.advance(120)
        assert (status_of(api, subscription), invoice_of(api, subscription).status) == ("incomplete_expired", "void")
        assert intent_of(api, invoice_of(api, subscription)).status == "canceled"

    def test_another_card_pays(self, api: stripe.StripeClient, subscribe: Subscribe) -> None:
        subscription = subscribe("pm_card_chargeCustomerFail")
        invoice = str(invoice_of(api, subscription).id)
        with pytest.raises(stripe.CardError):
            api.v1.invoices.pay(invoice)
        good = api.v1.payment_methods.attach("pm_card_visa", {"customer": str(subscription.customer)})
        assert api.v1.invoices.pay(invoice, {"payment_method": good.id}).status == "paid"
        assert status_of(api, subscription) == "active"
        with pytest.raises(stripe.InvalidRequestError) as refused:
            api.v1.invoices.pay(invoice)
        assert refused.value.code == "invoice_already_paid"

    def test_it_may_wait_or_must_succeed(self, subscribe: Subscribe) -> None:
        waiting = subscribe(payment_behavior="default_incomplete", expand=["latest_invoice.confirmation_secret"])
        invoice = cast("stripe.Invoice", waiting.latest_invoice)
        assert invoice.confirmation_secret is not None
        assert (waiting.status, invoice.attempted, invoice.confirmation_secret.type) == (
            "incomplete",
            False,
            "payment_intent",
        )
        with pytest.raises(stripe.CardError):
            subscribe("pm_card_chargeCustomerFail", payment_behavior="error_if_incomplete")

    def test_a_declined_card_is_not_attached(self, subscribe: Subscribe) -> None:
        with pytest.raises(stripe.CardError) as refused:
            subscribe("pm_card_chargeDeclinedInsufficientFunds")
        assert refused.value.code == "card_declined"


class TestRenewal:
    @pytest.fixture
    def failing(self, api: stripe.StripeClient, shared: Stand, subscribe: Subscribe) -> stripe.Subscription:
        """Past due since a moment ago."""
        subscription = subscribe()
        customer = str(subscription.customer)
        bad = api.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
        api.v1.subscriptions.update(subscription.id, {"default_payment_method": bad.id})
        end = subscription["items"].data[0].current_period_end
        shared.post("/_sandbox/clock", {"to": end + 1}).raise_for_status()
        return api.v1.subscriptions.retrieve(subscription.id)

    def test_it_is_tried_again_and_then_canceled(
        self, api: stripe.StripeClient, shared: Stand, failing: stripe.Subscription
    ) -> None:
        first = invoice_of(api, failing)
        assert (failing.status, first.status, first.attempt_count) == ("past_due", "open", 1)
        begun = failing["items"].data[0].current_period_start
        for attempt, day in enumerate((3, 8, 15), start=2):
            invoice = invoice_of(api, failing)
            assert invoice.next_payment_attempt == begun + day * DAY
            assert status_of(api, failing) == "past_due"
            shared.post("/_sandbox/clock", {"to": begun + day * DAY + 1}).raise_for_status()
            assert invoice_of(api, failing).attempt_count == attempt
        ended = api.v1.subscriptions.retrieve(failing.id)
        assert ended.cancellation_details is not None
        assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
        assert (invoice_of(api, failing).status, invoice_of(api, failing).next_payment_attempt) == ("open", None)

    @pytest.mark.parametrize("after", ["unpaid", "past_due"])
    def test_the_policy_decides_after_the_last_try(
        self,
        api: stripe.StripeClient,
        shared: Stand,
        policy: Callable[..., httpx2.Response],
        request: pytest.FixtureRequest,
        after: str,
    ) -> None:
        policy(retry_days=[1], after_last_retry=after)
        failing: stripe.Subscription = request.getfixturevalue("failing")
        shared.advance(DAY)
        assert (status_of(api, failing), invoice_of(api, failing).attempt_count) == (after, 2)
        good = api.v1.payment_methods.attach("pm_card_visa", {"customer": str(failing.customer)})
        api.v1.subscriptions.update(failing.id, {"default_payment_method": good.id})
        api.v1.invoices.pay(str(invoice_of(api, failing).id))
        assert status_of(api, failing) == "active"

    def test_an_unpaid_subscription_is_billed_in_drafts(
        self,
        api: stripe.StripeClient,
        shared: Stand,
        policy: Callable[..., httpx2.Response],
        request: pytest.FixtureRequest,
    ) -> None:
        policy(retry_days=[], after_last_retry="unpaid")
        failing: stripe.Subscription = request.getfixturevalue("failing")
        assert status_of(api, failing) == "unpaid"
        shared.advance(32 * DAY)
        assert (invoice_of(api, failing).status, invoice_of(api, failing).auto_advance) == ("draft", False)

    def test_a_good_card_recovers_it_at_the_next_try(
        self, api: stripe.StripeClient, shared: Stand, failing: stripe.Subscription
    ) -> None:
        good = api.v1.payment_methods.attach("pm_card_visa", {"customer": str(failing.customer)})
        api.v1.subscriptions.update(failing.id, {"default_payment_method": good.id})
        shared.advance(3 * DAY)
        assert (status_of(api, failing), invoice_of(api, failing).status) == ("active", "paid")

    def test_a_card_that_always_asks_its_holder(
        self, api: stripe.StripeClient, shared: Stand, subscribe: Subscribe
    ) -> None:
        subscription = subscribe("pm_card_authenticationRequired")
        BROWSER.post(bank_page(intent_of(api, invoice_of(api, subscription))), data={"outcome": "complete"})
        shared.advance(32 * DAY)
        assert status_of(api, subscription) == "past_due"
        types = {str(event.type) for event in api.v1.events.list({"limit": 100}).data}
        assert {"invoice.payment_action_required", "payment_intent.requires_action"} <= types
        BROWSER.post(bank_page(intent_of(api, invoice_of(api, subscription))), data={"outcome": "complete"})
        assert status_of(api, subscription) == "active"

    def test_a_card_that_is_known_by_now_renews(
        self, api: stripe.StripeClient, shared: Stand, subscribe: Subscribe
    ) -> None:
        subscription = subscribe("pm_card_authenticationRequiredOnSetup")
        BROWSER.post(bank_page(intent_of(api, invoice_of(api, subscription))), data={"outcome": "complete"})
        shared.advance(32 * DAY)
        assert (status_of(api, subscription), invoice_of(api, subscription).billing_reason) == (
            "active",
            "subscription_cycle",
        )


@pytest.mark.parametrize(
    "wanted",
    [
        {"retry_days": [0]},
        {"retry_days": "often"},
        {"after_last_retry": "forget"},
        {"grace": 3},
        [],
        {"retry_days": [1] * 9},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(shared: Stand, wanted: Any) -> None:
    before = shared.get("/_sandbox/billing")
    assert shared.post("/_sandbox/billing", wanted).status_code == 400
    assert shared.get("/_sandbox/billing") == before
