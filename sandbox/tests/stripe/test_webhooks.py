"""Events reach the endpoint: signed, again until taken, over restarts, and on request."""

from collections.abc import Callable
from pathlib import Path

import pytest
import stripe

from sandbox.stripe.testing import BROWSER, WEBHOOK_SECRET, Receiver, Stand, running_stripe, until

ClientOf = Callable[[Stand], stripe.StripeClient]


def test_an_event_is_signed_over_its_bytes(client: stripe.StripeClient, receiver: Receiver) -> None:
    made = client.v1.customers.create({"email": "reader@case.test"}, {"idempotency_key": "k1"})
    until(lambda: len(receiver.received) == 1)
    [received] = receiver.received
    event = stripe.Webhook.construct_event(received.body, received.signature, WEBHOOK_SECRET)
    assert (event.type, event.data.object["id"], event.livemode) == ("customer.created", made.id, False)
    assert event.request is not None
    assert made.last_response is not None
    assert (event.request.id, event.request.idempotency_key) == (made.last_response.request_id, "k1")
    assert event.api_version == stripe.api_version
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(received.body + b" ", received.signature, WEBHOOK_SECRET)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(received.body, received.signature, "whsec_other")


def test_a_signature_is_fresh_after_the_clock_moved(
    stand: Stand, client: stripe.StripeClient, receiver: Receiver
) -> None:
    stand.advance(90 * 86_400)
    client.v1.customers.create({})
    until(lambda: len(receiver.received) == 1)
    [received] = receiver.received
    assert stripe.WebhookSignature.verify_header(received.body, received.signature, WEBHOOK_SECRET, tolerance=30)


def test_what_is_not_taken_comes_again(stand: Stand, client: stripe.StripeClient, receiver: Receiver) -> None:
    receiver.status = 500
    client.v1.customers.create({})
    until(lambda: len(receiver.received) >= 2)
    receiver.status = 200
    until(lambda: stand.get("/_sandbox/webhooks")["pending"] == 0)
    [entry] = stand.get("/_sandbox/webhooks")["deliveries"]
    assert entry["state"] == "delivered"
    assert [attempt["status"] for attempt in entry["attempts"]][:2] == [500, 500]
    assert entry["attempts"][-1]["status"] == 200
    assert client.v1.events.list().data[0].pending_webhooks == 0


def test_an_endpoint_that_is_gone_is_logged(tmp_path: Path, client_of: ClientOf) -> None:
    with running_stripe(tmp_path, webhook_url="http://127.0.0.1:9/webhooks") as stand:
        client_of(stand).v1.customers.create({})
        until(lambda: bool(stand.get("/_sandbox/webhooks")["deliveries"][0]["attempts"]))
        [entry] = stand.get("/_sandbox/webhooks")["deliveries"]
    assert (entry["state"], entry["attempts"][0]["error"]) == ("pending", "ConnectError")


def test_undelivered_events_are_delivered_after_a_restart(
    tmp_path: Path, client_of: ClientOf, receiver: Receiver
) -> None:
    with running_stripe(tmp_path, webhook_url="http://127.0.0.1:9/webhooks") as stand:
        client_of(stand).v1.customers.create({})
    with running_stripe(tmp_path, webhook_url=receiver.url) as stand:
        until(lambda: receiver.types == ["customer.created"])
        until(lambda: stand.get("/_sandbox/webhooks")["pending"] == 0)


def test_an_event_is_delivered_again_on_request(stand: Stand, client: stripe.StripeClient, receiver: Receiver) -> None:
    client.v1.customers.create({})
    until(lambda: len(receiver.received) == 1)
    [event] = client.v1.events.list().data
    assert stand.post(f"/_sandbox/events/{event.id}/redeliver", None).status_code == 202
    until(lambda: len(receiver.received) == 2)
    assert BROWSER.post(f"{stand.url}/events/{event.id}/redeliver").status_code == 303
    until(lambda: len(receiver.received) == 3)
    assert set(receiver.types) == {"customer.created"}
    assert stand.post("/_sandbox/events/evt_nothing/redeliver", None).status_code == 404


def test_a_plan_duplicates_loses_and_delays(tmp_path: Path, client_of: ClientOf, receiver: Receiver) -> None:
    plan = {"customer.created": (0.0, 0.0), "customer.updated": (), "customer.deleted": (0.2,)}
    with running_stripe(tmp_path, webhook_url=receiver.url, plan=plan.__getitem__) as stand:
        client = client_of(stand)
        made = client.v1.customers.create({})
        client.v1.customers.update(made.id, {"name": "Reader"})
        client.v1.customers.delete(made.id)
        until(lambda: len(receiver.received) == 3)
    assert receiver.types == ["customer.created", "customer.created", "customer.deleted"]
