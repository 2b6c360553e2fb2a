"""A second may end anywhere: what one request does happens at one moment."""

import itertools
from pathlib import Path

from sandbox.stripe.account import Account, told_to_nobody
from sandbox.stripe.cards import card_of_token
from sandbox.stripe.clock import Clock
from sandbox.stripe.operations import sessions
from sandbox.stripe.operations.call import Call
from sandbox.stripe.operations.catalogue import seed
from sandbox.stripe.paying import Form, pay
from sandbox.stripe.store import Store


def test_a_payment_in_which_seconds_end_is_a_payment_like_any_other(tmp_path: Path) -> None:
    store, seconds = Store(tmp_path), itertools.count(1_790_000_000)
    clock = Clock(store, wall=lambda: next(seconds))  # each look is a second later
    account = Account(store, clock, public_url="http://127.0.0.1", plan=told_to_nobody)
    seed(account)
    card = card_of_token("pm_card_visa", year=2030)
    assert card is not None
    wanted: dict[str, object] = {
        "mode": "subscription",
        "success_url": "http://127.0.0.1/",
        "customer_email": "reader@case.test",
        "line_items": [{"price": "price_TrueCrimeProMonth", "quantity": 1}],
    }
    with account.acting():
        session = sessions.ENDPOINTS[0].operation(account, Call({}, wanted))
    assert pay(account, session, Form("reader@case.test", "A Reader", card)).declined is None
    [invoice] = store.page("invoice").bodies
    [subscription] = store.page("subscription").bodies
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", 999)
    assert invoice["lines"]["data"][0]["period"]["start"] == subscription["items"]["data"][0]["current_period_start"]
    store.close()
