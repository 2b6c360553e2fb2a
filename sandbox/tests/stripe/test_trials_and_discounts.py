"""What makes it cheaper: trials, coupons, promotion codes; by the API and on the Checkout page."""

import uuid
from collections.abc import Callable
from typing import Any, cast

import pytest
import stripe

from sandbox.stripe.testing import BROWSER, Stand

Subscribe = Callable[..., stripe.Subscription]
DAY = 86_400
PRO = "price_TrueCrimeProMonth"


@pytest.fixture
def code(api: stripe.StripeClient) -> Callable[..., stripe.PromotionCode]:
    """A promotion code for a coupon of these terms."""

    def make(restrictions: dict[str, Any] | None = None, **terms: Any) -> stripe.PromotionCode:
        coupon = api.v1.coupons.create(cast("Any", terms or {"percent_off": 25, "duration": "forever"}))
        given: Any = {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": f"CASE{uuid.uuid4().hex[:8]}"}
        given |= restrictions or {}
        return api.v1.promotion_codes.create(given)

    return make


def subscription_of(api: stripe.StripeClient, session: stripe.checkout.Session) -> stripe.Subscription:
    done = api.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice"]})
    assert done.status == "complete"
    return cast("stripe.Subscription", done.subscription)


class TestTrials:
    def test_checkout_begins_a_trial_and_keeps_the_card(
        self, api: stripe.StripeClient, shared: Stand, open_session: Callable[..., stripe.checkout.Session]
    ) -> None:
        session = open_session(customer_email="reader@case.test", subscription_data={"trial_period_days": 14})
        assert session.amount_total == 0
        assert "14 days free" in BROWSER.get(str(session.url)).text
        assert shared.pay(str(session.url)).status_code == 303
        subscription = subscription_of(api, session)
        invoice = cast("stripe.Invoice", subscription.latest_invoice)
        assert (subscription.status, invoice.amount_due, invoice.status) == ("trialing", 0, "paid")
        assert subscription.trial_end is not None
        assert subscription.trial_start is not None
        assert subscription.trial_end - subscription.trial_start == 14 * DAY
        assert subscription["items"].data[0].current_period_end == subscription.trial_end
        assert api.v1.checkout.sessions.retrieve(session.id).payment_status == "no_payment_required"
        assert api.v1.setup_intents.list({"customer": str(subscription.customer)}).data[0].status == "succeeded"
        assert api.v1.charges.list({"customer": str(subscription.customer)}).data == []

        shared.advance(11 * DAY + 60)
        [notice] = [
            event
            for event in api.v1.events.list({"type": "customer.subscription.trial_will_end"}).data
            if event.data.object["id"] == subscription.id
        ]
        assert notice.created == subscription.trial_end - 3 * DAY
        shared.advance(3 * DAY)
        began = api.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
        assert (began.status, cast("stripe.Invoice", began.latest_invoice).amount_paid) == ("active", 999)
        assert began["items"].data[0].current_period_start == subscription.trial_end

    @pytest.mark.parametrize(
        ("missing", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")]
    )
    def test_a_trial_without_a_card_ends_as_agreed(
        self, api: stripe.StripeClient, shared: Stand, missing: str, status: str
    ) -> None:
        asked: Any = {
            "customer": api.v1.customers.create({}).id,
            "items": [{"price": PRO}],
            "trial_period_days": 1,
            "trial_settings": {"end_behavior": {"missing_payment_method": missing}},
        }
        subscription = api.v1.subscriptions.create(asked)
        assert subscription.status == "trialing"
        shared.advance(DAY + 60)
        assert api.v1.subscriptions.retrieve(subscription.id).status == status

    def test_a_trial_is_ended_now(self, api: stripe.StripeClient, subscribe: Subscribe) -> None:
        subscription = subscribe(trial_period_days=7)
        ended = api.v1.subscriptions.update(subscription.id, {"trial_end": "now", "expand": ["latest_invoice"]})
        assert (ended.status, cast("stripe.Invoice", ended.latest_invoice).amount_paid) == ("active", 999)

    def test_another_plan_during_a_trial_costs_nothing_yet(
        self, api: stripe.StripeClient, subscribe: Subscribe
    ) -> None:
        subscription = subscribe(trial_period_days=7)
        asked: Any = {"items": [{"id": subscription["items"].data[0].id, "price": "price_TrueCrimeMaxMonth"}]}
        asked["proration_behavior"] = "always_invoice"
        changed = api.v1.subscriptions.update(subscription.id, asked)
        assert (changed.status, changed.trial_end) == ("trialing", subscription.trial_end)
        assert api.v1.invoices.create_preview({"subscription": subscription.id}).amount_due == 1999

    def test_a_trial_canceled_at_its_end_is_never_billed(
        self, api: stripe.StripeClient, shared: Stand, subscribe: Subscribe
    ) -> None:
        subscription = subscribe(trial_period_days=2, cancel_at_period_end=True)
        assert subscription.cancel_at == subscription.trial_end
        shared.advance(3 * DAY)
        assert api.v1.subscriptions.retrieve(subscription.id).status == "canceled"
        assert api.v1.charges.list({"customer": str(subscription.customer)}).data == []


class TestDiscounts:
    def test_a_code_is_typed_on_the_page(
        self,
        api: stripe.StripeClient,
        shared: Stand,
        open_session: Callable[..., stripe.checkout.Session],
        code: Callable[..., stripe.PromotionCode],
    ) -> None:
        made = code()
        session = open_session(customer_email="reader@case.test", allow_promotion_codes=True)
        wrong = shared.pay(str(session.url), promotion_code="NOSUCHCODE")
        assert (wrong.status_code, "This code is invalid." in wrong.text) == (422, True)
        assert shared.pay(str(session.url), promotion_code=made.code.lower()).status_code == 303
        subscription = subscription_of(api, session)
        invoice = cast("stripe.Invoice", subscription.latest_invoice)
        assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (999, 749, 749)
        paid = api.v1.checkout.sessions.retrieve(session.id)
        assert paid.total_details is not None
        assert (paid.amount_total, paid.total_details.amount_discount) == (749, 250)
        assert api.v1.promotion_codes.retrieve(made.id).times_redeemed == 1
        expanded = api.v1.subscriptions.retrieve(subscription.id, {"expand": ["discounts"]})
        [discount] = cast("list[stripe.Discount]", expanded.discounts)
        assert (discount.promotion_code, discount.end) == (made.id, None)

    @pytest.mark.parametrize(
        ("terms", "expected"),
        [
            ({"percent_off": 50, "duration": "forever"}, [499, 499, 499]),
            ({"percent_off": 33.3, "duration": "once"}, [666, 999, 999]),
            ({"amount_off": 250, "currency": "usd", "duration": "repeating", "duration_in_months": 2}, [749, 749, 999]),
            ({"amount_off": 5000, "currency": "usd", "duration": "once"}, [0, 999, 999]),
        ],
    )
    def test_a_coupon_lasts_as_long_as_it_says(
        self,
        api: stripe.StripeClient,
        shared: Stand,
        subscribe: Subscribe,
        terms: dict[str, Any],
        expected: list[int],
    ) -> None:
        coupon = api.v1.coupons.create(cast("Any", terms))
        subscription = subscribe(discounts=[{"coupon": coupon.id}])
        shared.advance(65 * DAY)
        invoices = api.v1.invoices.list({"subscription": subscription.id}).data
        assert [invoice.amount_paid for invoice in invoices[::-1]] == expected
        assert api.v1.coupons.retrieve(coupon.id).times_redeemed == 1

    def test_a_change_prorates_what_was_paid(self, api: stripe.StripeClient, subscribe: Subscribe) -> None:
        coupon = api.v1.coupons.create({"percent_off": 50, "duration": "forever"})
        subscription = subscribe(discounts=[{"coupon": coupon.id}])
        start = subscription["items"].data[0].current_period_start
        details: Any = {
            "items": [{"id": subscription["items"].data[0].id, "price": "price_TrueCrimeMaxMonth"}],
            "proration_behavior": "always_invoice",
            "proration_date": start,
        }
        preview = api.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
        assert [line.amount for line in preview.lines.data] == [-499, 999]
        without = api.v1.invoices.create_preview({"subscription": subscription.id, "discounts": ""})
        assert without.amount_due == 999

    @pytest.mark.parametrize(
        "restrictions",
        [{"max_redemptions": 1}, {"restrictions": {"first_time_transaction": True}}, {"expires_at": 1_000_000_000}],
    )
    def test_a_code_that_is_over_is_refused(
        self,
        api: stripe.StripeClient,
        subscribe: Subscribe,
        code: Callable[..., stripe.PromotionCode],
        restrictions: dict[str, Any],
    ) -> None:
        made = code(restrictions)
        subscription = subscribe()
        if "max_redemptions" in restrictions:
            subscribe(discounts=[{"promotion_code": made.id}])
        with pytest.raises(stripe.InvalidRequestError):
            api.v1.subscriptions.update(subscription.id, {"discounts": [{"promotion_code": made.id}]})

    def test_a_code_is_found_and_switched_off(
        self, api: stripe.StripeClient, code: Callable[..., stripe.PromotionCode]
    ) -> None:
        made = code()
        [found] = api.v1.promotion_codes.list({"code": made.code, "active": True}).data
        assert found.id == made.id
        with pytest.raises(stripe.InvalidRequestError, match="already exists"):
            api.v1.promotion_codes.create(
                {"code": made.code, "promotion": {"type": "coupon", "coupon": str(made.promotion.coupon)}}
            )
        api.v1.promotion_codes.update(made.id, {"active": False})
        assert api.v1.promotion_codes.list({"code": made.code, "active": True}).data == []
        assert api.v1.coupons.delete(str(made.promotion.coupon)).deleted
        assert not api.v1.coupons.retrieve(str(made.promotion.coupon)).valid


class TestAuthenticationInCheckout:
    def test_the_holder_confirms_and_is_led_back(
        self, api: stripe.StripeClient, shared: Stand, open_session: Callable[..., stripe.checkout.Session]
    ) -> None:
        session = open_session(customer_email="reader@case.test")
        answer = shared.pay(str(session.url), card_number="4000 0025 0000 3155")
        assert answer.status_code == 303
        bank = answer.headers["location"]
        assert bank.startswith(f"{shared.url}/authenticate/pi_")
        assert api.v1.checkout.sessions.retrieve(session.id).status == "open"
        refused = BROWSER.post(bank, data={"outcome": "fail"})
        assert (refused.status_code, refused.headers["location"]) == (303, session.url)
        bank = shared.pay(str(session.url), card_number="4000 0000 0000 3220").headers["location"]
        confirmed = BROWSER.post(bank, data={"outcome": "complete"})
        assert confirmed.headers["location"] == f"http://127.0.0.1:8000/account?session={session.id}"
        assert subscription_of(api, session).status == "active"

    def test_a_session_that_expired_meanwhile_is_not_paid(
        self, api: stripe.StripeClient, shared: Stand, open_session: Callable[..., stripe.checkout.Session]
    ) -> None:
        session = open_session(customer_email="reader@case.test")
        bank = shared.pay(str(session.url), card_number="4000 0027 6000 3184").headers["location"]
        api.v1.checkout.sessions.expire(session.id)
        BROWSER.post(bank, data={"outcome": "complete"})
        assert api.v1.checkout.sessions.retrieve(session.id).subscription is None

    def test_a_card_that_fails_later_pays_when_it_is_typed(
        self, api: stripe.StripeClient, shared: Stand, open_session: Callable[..., stripe.checkout.Session]
    ) -> None:
        session = open_session(customer_email="reader@case.test")
        assert shared.pay(str(session.url), card_number="4000 0000 0000 0341").status_code == 303
        subscription = subscription_of(api, session)
        shared.advance(32 * DAY)
        assert api.v1.subscriptions.retrieve(subscription.id).status == "past_due"
