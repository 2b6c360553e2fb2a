"""A person pays on the hosted page, or cannot; what the API says then."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import stripe

from sandbox.stripe.testing import BROWSER, GOOD_CARD, Receiver, Stand, until

MakeSession = Callable[..., stripe.checkout.Session]

IN_ORDER = [
    "customer.created",
    "payment_intent.created",
    "checkout.session.completed",
    "payment_method.attached",
    "customer.subscription.created",
    "invoice.created",
    "customer.updated",
    "invoice.finalized",
    "charge.succeeded",
    "invoice_payment.paid",
    "invoice.paid",
    "invoice.payment_succeeded",
    "payment_intent.succeeded",
]


def url_of(session: stripe.checkout.Session) -> str:
    assert session.url is not None
    return session.url


def test_paying_makes_a_subscription(
    stand: Stand, client: stripe.StripeClient, make_session: MakeSession, receiver: Receiver
) -> None:
    customer = client.v1.customers.create({"email": "reader@case.test"})
    session = make_session(
        customer=customer.id,
        client_reference_id="user-1",
        metadata={"user_id": "user-1"},
        subscription_data={"metadata": {"user_id": "user-1"}},
    )
    assert (session.status, session.payment_status, session.subscription) == ("open", "unpaid", None)

    answer = stand.pay(url_of(session))

    assert answer.status_code == 303
    assert answer.headers["location"] == f"http://127.0.0.1:8000/account?session={session.id}"
    paid = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice", "line_items"]})
    assert (paid.status, paid.payment_status, paid.url, paid.client_reference_id) == (
        "complete",
        "paid",
        None,
        "user-1",
    )
    assert isinstance(paid.subscription, stripe.Subscription)
    assert isinstance(paid.invoice, stripe.Invoice)
    assert paid.line_items is not None
    [found] = client.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data
    [item] = found["items"].data
    assert found.id == paid.subscription.id
    assert (found.status, found.metadata["user_id"], item.price.lookup_key) == ("active", "user-1", "pro_month")
    assert 28 * 86_400 <= item.current_period_end - item.current_period_start <= 31 * 86_400
    assert (paid.invoice.status, paid.invoice.amount_paid, paid.invoice.billing_reason) == (
        "paid",
        999,
        "subscription_create",
    )
    assert paid.invoice.parent is not None
    assert paid.invoice.parent.subscription_details is not None
    assert paid.invoice.parent.subscription_details.subscription == found.id
    until(lambda: len(receiver.received) >= len(IN_ORDER))
    assert [event.type for event in client.v1.events.list({"limit": 100}).data][::-1] == IN_ORDER


def test_a_payer_without_customer_becomes_one(
    stand: Stand, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session()
    assert stand.pay(url_of(session), email="not an address").status_code == 422
    assert stand.pay(url_of(session), email="new@case.test").status_code == 303
    paid = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["customer"]})
    assert isinstance(paid.customer, stripe.Customer)
    assert (paid.customer.email, paid.customer.name) == ("new@case.test", "A Reader")
    [method] = client.v1.customers.payment_methods.list(paid.customer.id).data
    assert method.card is not None
    assert (method.card.brand, method.card.last4) == ("visa", "4242")
    assert [charge.customer for charge in client.v1.charges.list().data] == [paid.customer.id]
    assert [intent.customer for intent in client.v1.payment_intents.list().data] == [paid.customer.id]


def test_a_declined_card_says_so_and_another_pays(
    stand: Stand, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session(customer_email="reader@case.test")
    declined = stand.pay(url_of(session), card_number="4000 0000 0000 0002")
    assert declined.status_code == 402
    assert "Your card was declined." in declined.text
    assert client.v1.subscriptions.list({"status": "all"}).data == []
    [intent] = client.v1.payment_intents.list().data
    assert intent.last_payment_error is not None
    assert (intent.status, intent.last_payment_error.decline_code) == ("requires_payment_method", "generic_decline")
    [failed] = client.v1.events.list({"type": "payment_intent.payment_failed"}).data
    assert failed.data.object["id"] == intent.id

    assert stand.pay(url_of(session)).status_code == 303
    [intent] = client.v1.payment_intents.list().data
    assert (intent.status, intent.last_payment_error) == ("succeeded", None)
    assert [charge.status for charge in client.v1.charges.list({"payment_intent": intent.id}).data] == [
        "succeeded",
        "failed",
    ]


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"card_number": "4242 4242 4242 4241"}, 422, "Your card number is invalid."),
        ({"card_number": "1234"}, 422, "Your card number is invalid."),
        ({"card_number": "\uff14" * 16}, 422, "Your card number is invalid."),
        ({"card_expiry": "01 / 20"}, 422, "expiration date is in the past"),
        ({"card_expiry": "13 / 40"}, 422, "expiration date is incomplete"),
        ({"card_cvc": "12"}, 422, "security code is incomplete"),
        ({"name": " "}, 422, "Enter the name on the card."),
        ({"card_number": "4000 0000 0000 9995"}, 402, "insufficient funds"),
        ({"card_number": "4111 1111 1111 1111"}, 402, "Only test cards work here"),
    ],
)
def test_a_card_that_cannot_pay_is_refused_with_a_reason(
    shared: Stand, api: stripe.StripeClient, open_session: MakeSession, fields: dict[str, str], status: int, said: str
) -> None:
    session = open_session(customer_email="reader@case.test")
    answer = shared.pay(url_of(session), **fields)
    assert (answer.status_code, said in answer.text.replace("&#39;", "'")) == (status, True)
    assert fields.get("card_number", GOOD_CARD["card_number"]) not in answer.text.partition("Cards for trying")[0]
    assert api.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_no_card_number_is_kept(stand: Stand, make_session: MakeSession, tmp_path: Path) -> None:
    for number in ("4000 0000 0000 0002", "4242 4242 4242 4241", "4242 4242 4242 4242"):
        stand.pay(url_of(make_session(customer_email="reader@case.test")), card_number=number, card_cvc="987")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "stripe").iterdir())
    assert b"card_declined" in kept
    for digits in (b"4000000000000002", b"4242424242424241", b"4242424242424242"):
        assert digits not in kept
        assert b" ".join(digits[place : place + 4] for place in range(0, 16, 4)) not in kept


def test_paying_twice_charges_once(stand: Stand, client: stripe.StripeClient, make_session: MakeSession) -> None:
    url = url_of(make_session(customer_email="reader@case.test"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: stand.pay(url), range(8)))
    assert {answer.status_code for answer in answers} == {303}
    assert len(client.v1.subscriptions.list({"status": "all"}).data) == 1
    assert len(client.v1.charges.list().data) == 1


def test_twenty_people_pay_at_once(
    stand: Stand, client: stripe.StripeClient, make_session: MakeSession, receiver: Receiver
) -> None:
    def buy(number: int) -> int:
        customer = client.v1.customers.create({"email": f"reader{number}@case.test"})
        return stand.pay(url_of(make_session(customer=customer.id))).status_code

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(buy, range(20))) == [303] * 20
    assert len(client.v1.subscriptions.list({"limit": 100}).data) == 20
    until(lambda: len(receiver.received) == 20 * len(IN_ORDER), seconds=20)
    assert stand.get("/_sandbox/webhooks")["pending"] == 0


def test_an_expired_session_cannot_be_paid(shared: Stand, api: stripe.StripeClient, open_session: MakeSession) -> None:
    session = open_session()
    expired = api.v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    assert shared.pay(url_of(session)).status_code == 410
    assert BROWSER.get(url_of(session)).status_code == 410
    assert BROWSER.get(f"{shared.url}/c/pay/cs_test_nothing").status_code == 404
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.checkout.sessions.expire(session.id)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"line_items": [{"price": "price_nobody"}]}, "line_items[0][price]"),
        ({"customer": "cus_nobody"}, "customer"),
        ({"success_url": None}, "success_url"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"expires_at": 1_000_000}, "expires_at"),
        ({"mode": "payment"}, "mode"),
        ({"subscription_data": {"colour": "red"}}, "subscription_data[colour]"),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(
    open_session: MakeSession, given: dict[str, object], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(**given)
    assert refused.value.param == param


def test_the_page_has_the_form_a_person_needs(open_session: MakeSession) -> None:
    page = BROWSER.get(url_of(open_session())).text
    for field in ("email", "card_number", "card_expiry", "card_cvc", "name"):
        assert f'name="{field}"' in page
    assert "TrueCrime Pro" in page
    assert "$9.99" in page
    assert 'href="http://127.0.0.1:8000/plans"' in page


def test_a_customer_without_email_gets_the_one_typed(
    stand: Stand, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    customer = client.v1.customers.create({"name": "A Reader"})
    assert stand.pay(url_of(make_session(customer=customer.id)), email="typed@case.test").status_code == 303
    assert client.v1.customers.retrieve(customer.id).email == "typed@case.test"
    assert client.v1.invoices.list().data[0].customer_email == "typed@case.test"


def test_the_pages_of_a_deleted_customer_are_gone(
    shared: Stand, api: stripe.StripeClient, open_session: MakeSession
) -> None:
    customer = api.v1.customers.create({})
    session = open_session(customer=customer.id)
    portal = api.v1.billing_portal.sessions.create({"customer": customer.id})
    api.v1.customers.delete(customer.id)
    assert BROWSER.get(url_of(session)).status_code == 404
    assert shared.pay(url_of(session), email="a@case.test").status_code == 404
    assert BROWSER.get(portal.url).status_code == 404
