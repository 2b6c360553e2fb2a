"""The account outlives the process, however that ends; its pages open."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import stripe

from sandbox.servers.ports import free_port, is_listening
from sandbox.stripe.testing import API_KEY, BROWSER, Stand, running_stripe, until

ClientOf = Callable[[Stand], stripe.StripeClient]
MakeSession = Callable[..., stripe.checkout.Session]


def test_a_restart_keeps_objects_clock_and_idempotency(tmp_path: Path, client_of: ClientOf) -> None:
    with running_stripe(tmp_path) as stand:
        made = client_of(stand).v1.customers.create({"email": "a@case.test"}, {"idempotency_key": "k"})
        stand.advance(86_400)
        then = stand.now()
    with running_stripe(tmp_path) as stand:
        client = client_of(stand)
        again = client.v1.customers.create({"email": "a@case.test"}, {"idempotency_key": "k"})
        assert again.id == made.id
        assert [customer.id for customer in client.v1.customers.list().data] == [made.id]
        assert stand.now() >= then
        assert len(client.v1.prices.list({"lookup_keys": ["pro_month"]}).data) == 1


def test_a_restart_keeps_trials_policies_and_delivery_modes(tmp_path: Path, client_of: ClientOf) -> None:
    with running_stripe(tmp_path) as stand:
        client = client_of(stand)
        customer = client.v1.customers.create({}).id
        client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
        [method] = client.v1.payment_methods.list({"customer": customer}).data
        trial = client.v1.subscriptions.create(
            {
                "customer": customer,
                "default_payment_method": method.id,
                "items": [{"price": "price_TrueCrimeProMonth"}],
                "trial_period_days": 5,
            }
        )
        stand.post("/_sandbox/billing", {"retry_days": [], "after_last_retry": "unpaid"}).raise_for_status()
        stand.post("/_sandbox/delivery", {"drop": 1, "seed": 9}).raise_for_status()
    # A state of before deliveries could be forged.
    with sqlite3.connect(tmp_path / "stripe.sqlite3") as state:
        state.execute("ALTER TABLE deliveries DROP COLUMN forged")
    state.close()
    with running_stripe(tmp_path) as stand:
        client = client_of(stand)
        assert (stand.get("/_sandbox/delivery")["seed"], stand.get("/_sandbox/billing")["retry_days"]) == (9, [])
        stand.advance(6 * 86_400)
        assert client.v1.subscriptions.retrieve(trial.id).status == "unpaid"
        [notice] = client.v1.events.list({"type": "customer.subscription.trial_will_end"}).data
        assert notice.created == trial.created + 2 * 86_400


def test_what_was_answered_survives_kill_9(tmp_path: Path, client_of: ClientOf) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "SANDBOX_STATE_DIR": str(tmp_path),
        "STRIPE_PORT": str(port),
        "STRIPE_API_KEY": API_KEY,
        "STRIPE_WEBHOOK_URL": "",
    }
    with subprocess.Popen([sys.executable, "-m", "sandbox.world"], env=environment) as process:
        try:
            until(lambda: is_listening(port), seconds=20)
            client = client_of(Stand(f"http://127.0.0.1:{port}"))
            made = [client.v1.customers.create({"name": f"Reader {n}"}).id for n in range(20)]
        finally:
            process.send_signal(signal.SIGKILL)
    with running_stripe(tmp_path / "stripe") as stand:
        kept = [customer.id for customer in client_of(stand).v1.customers.list({"limit": 100}).data]
    assert kept == made[::-1]


def test_the_dashboard_shows_the_account(stand: Stand, make_session: MakeSession) -> None:
    url = make_session(customer_email="reader@case.test").url
    assert url is not None
    stand.pay(url)
    page = BROWSER.get(f"{stand.url}/").text
    for shown in ("reader@case.test", "pro_month", "$9.99", "customer.subscription.created", "Send again"):
        assert shown in page
    before = stand.now()
    assert BROWSER.post(f"{stand.url}/clock/month").status_code == 303
    assert 28 * 86_400 <= stand.now() - before <= 31 * 86_400 + 60


def test_the_portal_ends_and_keeps_a_subscription(
    stand: Stand, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    customer = client.v1.customers.create({"email": "reader@case.test"})
    url = make_session(customer=customer.id).url
    assert url is not None
    stand.pay(url)
    [subscription] = client.v1.subscriptions.list().data
    portal = client.v1.billing_portal.sessions.create({"customer": customer.id, "return_url": "http://127.0.0.1:8000/"})
    assert "Cancel at the end of the period" in BROWSER.get(portal.url).text
    for end, expected in (("yes", True), ("no", False)):
        assert BROWSER.post(f"{portal.url}/subscriptions/{subscription.id}", data={"end": end}).status_code == 303
        assert client.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end is expected
    assert BROWSER.get(f"{stand.url}/p/session/{portal.id}.guessed").status_code == 404
    invoice = client.v1.invoices.list().data[0]
    assert invoice.hosted_invoice_url is not None
    assert "TrueCrime Pro" in BROWSER.get(invoice.hosted_invoice_url).text
