"""What a person can do in the portal and on an invoice's page."""

import html
import re
from collections.abc import Callable

import pytest
import stripe

from sandbox.stripe.testing import BROWSER, GOOD_CARD, Stand

Subscribe = Callable[..., stripe.Subscription]
DAY = 86_400
PRO, MAX, PRO_YEAR = "price_TrueCrimeProMonth", "price_TrueCrimeMaxMonth", "price_TrueCrimeProYear"


@pytest.fixture
def portal_of(api: stripe.StripeClient) -> Callable[[stripe.Subscription], str]:
    return lambda subscription: api.v1.billing_portal.sessions.create({"customer": str(subscription.customer)}).url


def plan_of(api: stripe.StripeClient, subscription: stripe.Subscription) -> str:
    return str(api.v1.subscriptions.retrieve(subscription.id)["items"].data[0].price.id)


def test_a_dearer_plan_begins_at_once_for_what_was_foretold(
    api: stripe.StripeClient, subscribe: Subscribe, portal_of: Callable[[stripe.Subscription], str]
) -> None:
    subscription = subscribe()
    plans = f"{portal_of(subscription)}/subscriptions/{subscription.id}/plan"
    assert "your plan" in BROWSER.get(plans).text
    shown = BROWSER.get(plans, params={"price": MAX}).text
    told = re.search(r"Pay \$(\d+)\.(\d\d) and change", shown)
    assert told is not None
    assert "Unused time on TrueCrime Pro" in html.unescape(shown)
    assert BROWSER.post(plans, data={"price": MAX}).status_code == 303
    assert plan_of(api, subscription) == MAX
    invoice = api.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert abs(invoice.amount_paid - int(told[1] + told[2])) <= 1  # a second may have passed


def test_a_cheaper_plan_waits_for_the_end_of_the_period(
    api: stripe.StripeClient,
    shared: Stand,
    subscribe: Subscribe,
    portal_of: Callable[[stripe.Subscription], str],
) -> None:
    subscription = subscribe(price=MAX)
    portal = portal_of(subscription)
    here = f"{portal}/subscriptions/{subscription.id}"
    assert "Nothing is due today" in BROWSER.get(f"{here}/plan", params={"price": PRO}).text
    for stays in (True, False):
        assert BROWSER.post(f"{here}/plan", data={"price": PRO}).status_code == 303
        assert "Changes to TrueCrime Pro" in BROWSER.get(portal).text
        if stays:
            BROWSER.post(here, data={"stay": "yes"})
            assert "Changes to TrueCrime Pro" not in BROWSER.get(portal).text
    assert plan_of(api, subscription) == MAX
    shared.post("/_sandbox/clock", {"to": subscription["items"].data[0].current_period_end + 1}).raise_for_status()
    assert plan_of(api, subscription) == PRO


def test_a_cancellation_takes_the_place_of_a_change_that_waits(
    api: stripe.StripeClient, subscribe: Subscribe, portal_of: Callable[[stripe.Subscription], str]
) -> None:
    subscription = subscribe(price=MAX)
    here = f"{portal_of(subscription)}/subscriptions/{subscription.id}"
    BROWSER.post(f"{here}/plan", data={"price": PRO})
    BROWSER.post(here, data={"end": "yes"})
    ending = api.v1.subscriptions.retrieve(subscription.id)
    assert (ending.cancel_at_period_end, ending.schedule) == (True, None)


def test_a_plan_that_cannot_be_paid_or_does_not_exist_is_not_taken(
    api: stripe.StripeClient, subscribe: Subscribe, portal_of: Callable[[stripe.Subscription], str]
) -> None:
    subscription = subscribe()
    bad = api.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": str(subscription.customer)})
    api.v1.subscriptions.update(subscription.id, {"default_payment_method": bad.id})
    plans = f"{portal_of(subscription)}/subscriptions/{subscription.id}/plan"
    declined = BROWSER.post(plans, data={"price": MAX})
    assert (declined.status_code, "Your plan has not changed." in declined.text) == (402, True)
    assert BROWSER.post(plans, data={"price": "price_nothing"}).status_code == 422
    assert plan_of(api, subscription) == PRO
    assert api.v1.invoices.list({"subscription": subscription.id, "status": "open"}).data == []


def test_a_plan_is_confirmed_at_the_bank(
    api: stripe.StripeClient, subscribe: Subscribe, portal_of: Callable[[stripe.Subscription], str]
) -> None:
    subscription = subscribe()
    asking = api.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": str(subscription.customer)})
    api.v1.subscriptions.update(subscription.id, {"default_payment_method": asking.id})
    answer = BROWSER.post(f"{portal_of(subscription)}/subscriptions/{subscription.id}/plan", data={"price": MAX})
    assert plan_of(api, subscription) == PRO
    assert BROWSER.post(answer.headers["location"], data={"outcome": "complete"}).status_code == 303
    assert plan_of(api, subscription) == MAX


def test_another_card_is_charged_from_now_on(
    api: stripe.StripeClient,
    shared: Stand,
    subscribe: Subscribe,
    portal_of: Callable[[stripe.Subscription], str],
) -> None:
    subscription = subscribe()
    portal = portal_of(subscription)
    for number, status in (("4000 0000 0000 0002", 402), ("1234", 422), ("5555 5555 5555 4444", 303)):
        answer = BROWSER.post(f"{portal}/card", data={**GOOD_CARD, "card_number": number})
        assert answer.status_code == status
        assert number not in answer.text
    assert "Mastercard ending in 4444" in BROWSER.get(portal).text
    shared.post("/_sandbox/clock", {"to": subscription["items"].data[0].current_period_end + 1}).raise_for_status()
    charge = api.v1.charges.list({"customer": str(subscription.customer)}).data[0]
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.card is not None
    assert charge.payment_method_details.card.last4 == "4444"


def test_a_portal_is_opened_for_one_thing(api: stripe.StripeClient, subscribe: Subscribe) -> None:
    customer = str(subscribe().customer)
    for kind, opened in (("payment_method_update", True), ("subscription_update", False)):
        session = api.v1.billing_portal.sessions.create({"customer": customer, "flow_data": {"type": kind}})
        assert session.flow is not None
        assert (session.flow.type, "<details open>" in BROWSER.get(session.url).text) == (kind, opened)


def test_an_open_invoice_is_paid_on_its_page(
    api: stripe.StripeClient, shared: Stand, subscribe: Subscribe, portal_of: Callable[[stripe.Subscription], str]
) -> None:
    subscription = subscribe("pm_card_chargeCustomerFail")
    assert subscription.status == "incomplete"
    page = f"{shared.url}/i/{subscription.latest_invoice}"
    assert "Pay now" in BROWSER.get(portal_of(subscription)).text
    assert "Pay $9.99" in BROWSER.get(page).text
    assert BROWSER.post(page, data={"stored": "yes"}).status_code == 402
    assert BROWSER.post(page, data={**GOOD_CARD, "card_cvc": "1"}).status_code == 422
    bank = BROWSER.post(page, data={**GOOD_CARD, "card_number": "4000 0000 0000 3220"})
    assert (bank.status_code, "/authenticate/" in bank.headers["location"]) == (303, True)
    assert BROWSER.post(page, data=GOOD_CARD).status_code == 303
    assert api.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert BROWSER.post(page, data=GOOD_CARD).status_code == 303
    assert len(api.v1.invoices.list({"subscription": subscription.id}).data) == 1
    assert BROWSER.post(f"{shared.url}/i/in_nothing", data=GOOD_CARD).status_code == 404


def test_a_portal_opens_only_what_belongs_to_its_customer(
    api: stripe.StripeClient, subscribe: Subscribe, portal_of: Callable[[stripe.Subscription], str]
) -> None:
    mine, other = subscribe(), subscribe()
    here = f"{portal_of(mine)}/subscriptions/{other.id}"
    assert BROWSER.post(here, data={"end": "yes"}).status_code == 303
    assert BROWSER.post(f"{here}/plan", data={"price": MAX}).status_code == 303
    assert BROWSER.get(f"{here}/plan").status_code == 303
    untouched = api.v1.subscriptions.retrieve(other.id)
    assert (untouched.cancel_at_period_end, plan_of(api, other)) == (False, PRO)
