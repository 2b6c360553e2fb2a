"""Time passes: subscriptions renew and end, sessions expire, and nothing goes back."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import stripe

from sandbox.stripe.periods import period_end
from sandbox.stripe.testing import Stand

MakeSession = Callable[..., stripe.checkout.Session]
DAY = 86_400


@pytest.fixture
def subscription(stand: Stand, client: stripe.StripeClient, make_session: MakeSession) -> stripe.Subscription:
    url = make_session(customer_email="reader@case.test").url
    assert url is not None
    assert stand.pay(url).status_code == 303
    return client.v1.subscriptions.list().data[0]


def period(subscription: stripe.Subscription) -> tuple[int, int]:
    item = subscription["items"].data[0]
    return item.current_period_start, item.current_period_end


def test_a_subscription_renews_for_every_period_that_passed(
    stand: Stand, client: stripe.StripeClient, subscription: stripe.Subscription
) -> None:
    _, first_end = period(subscription)
    stand.advance(70 * DAY)
    renewed = client.v1.subscriptions.retrieve(subscription.id)
    invoices = client.v1.invoices.list({"subscription": subscription.id}).data
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_cycle"] * 2 + ["subscription_create"]
    assert {invoice.status for invoice in invoices} == {"paid"}
    assert invoices[1].created == first_end
    assert invoices[0].lines.data[0].period.start == period(renewed)[0]
    assert renewed.latest_invoice == invoices[0].id
    assert (renewed.status, period(renewed)[1] > stand.now()) == ("active", True)
    updates = client.v1.events.list({"type": "customer.subscription.updated"}).data
    assert len(updates) == 2
    assert updates[1].created == first_end
    assert updates[1].data.previous_attributes is not None
    assert updates[1].data.previous_attributes["items"]["data"][0]["current_period_end"] == first_end


def test_a_subscription_canceled_at_period_end_lives_until_then(
    stand: Stand, client: stripe.StripeClient, subscription: stripe.Subscription
) -> None:
    _, end = period(subscription)
    asked = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (asked.status, asked.cancel_at, asked.cancel_at_period_end) == ("active", end, True)
    stand.post("/_sandbox/clock", {"to": end - 5}).raise_for_status()
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"
    stand.advance(10)
    ended = client.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at, ended.canceled_at) == ("canceled", end, asked.canceled_at)
    assert client.v1.events.list({"type": "customer.subscription.deleted"}).data[0].created == end
    assert client.v1.subscriptions.list().data == []
    assert len(client.v1.subscriptions.list({"status": "all"}).data) == 1
    assert len(client.v1.invoices.list().data) == 1


def test_a_cancellation_can_be_taken_back(
    stand: Stand, client: stripe.StripeClient, subscription: stripe.Subscription
) -> None:
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    kept = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at, kept.cancel_at_period_end) == (None, None, False)
    stand.advance(40 * DAY)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_a_cancellation_now_ends_it_now(client: stripe.StripeClient, subscription: stripe.Subscription) -> None:
    ended = client.v1.subscriptions.cancel(subscription.id, {"cancellation_details": {"feedback": "unused"}})
    assert ended.cancellation_details is not None
    assert (ended.status, ended.cancellation_details.feedback) == ("canceled", "unused")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.cancel(subscription.id)
    assert refused.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_an_open_session_expires(stand: Stand, client: stripe.StripeClient, make_session: MakeSession) -> None:
    session = make_session()
    stand.advance(DAY + 1)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    [event] = client.v1.events.list({"type": "checkout.session.expired"}).data
    assert event.created == session.expires_at


@pytest.mark.parametrize(
    "body", [{"advance_seconds": -1}, {"to": 1_000_000}, {"advance_seconds": True}, {}, [], "soon"]
)
def test_time_does_not_go_back(shared: Stand, body: object) -> None:
    before = shared.now()
    assert shared.post("/_sandbox/clock", body).status_code == 400
    assert shared.now() >= before


@pytest.mark.parametrize(
    ("interval", "ends"),
    [("month", ["2027-02-28", "2027-03-31", "2027-04-30"]), ("year", ["2028-01-31", "2029-01-31", "2030-01-31"])],
)
def test_periods_are_counted_from_the_anchor(interval: str, ends: list[str]) -> None:
    anchor = start = int(datetime(2027, 1, 31, 12, tzinfo=UTC).timestamp())
    found = []
    for _ in ends:
        start = period_end(anchor, start, {"interval": interval, "interval_count": 1})
        found.append(f"{datetime.fromtimestamp(start, UTC):%Y-%m-%d}")
    assert found == ends
