"""Webhooks late, in any order, twice, never, or wrongly signed: chosen by a seed, and undone by what comes after."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import stripe

from sandbox.stripe.delivery_modes import Copy, Modes
from sandbox.stripe.testing import API_KEY, WEBHOOK_SECRET, Receiver, Stand, running_receiver, running_stripe, until

EVENTS = 30


@pytest.fixture(scope="module")
def told() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory, told: Receiver) -> Iterator[Stand]:
    with running_stripe(tmp_path_factory.mktemp("stripe"), webhook_url=told.url) as running:
        yield running


@pytest.fixture
def happen(telling: Stand, told: Receiver) -> Iterator[Callable[..., list[str]]]:
    """Set the modes, then let things happen to one customer; ids of the events in the order they happened."""
    client = stripe.StripeClient(API_KEY, base_addresses={"api": telling.url}, max_network_retries=0)

    def make(**modes: object) -> list[str]:
        until(lambda: telling.get("/_sandbox/webhooks")["pending"] == 0)
        told.received.clear()
        assert telling.post("/_sandbox/delivery", modes).status_code == 200
        customer = client.v1.customers.create({})
        for number in range(EVENTS - 1):
            client.v1.customers.update(customer.id, {"name": f"Reader {number}"})
        return [event.id for event in client.v1.events.list({"limit": EVENTS}).data][::-1]

    yield make
    assert telling.post("/_sandbox/delivery", {}).status_code == 200


def ids(told: Receiver) -> list[str]:
    return [str(orjson.loads(received.body)["id"]) for received in told.received]


def test_everything_comes_twice(happen: Callable[..., list[str]], told: Receiver) -> None:
    happened = happen(duplicate=1)
    until(lambda: len(told.received) == 2 * EVENTS)
    assert Counter(ids(told)) == dict.fromkeys(happened, 2)


def test_nothing_comes_and_can_be_sent_later(happen: Callable[..., list[str]], telling: Stand, told: Receiver) -> None:
    happened = happen(drop=1)
    log = telling.get("/_sandbox/webhooks")
    assert (log["pending"], {entry["state"] for entry in log["deliveries"][:EVENTS]}) == (0, {"dropped"})
    assert told.received == []
    telling.post(f"/_sandbox/events/{happened[0]}/redeliver", None).raise_for_status()
    until(lambda: ids(told) == happened[:1])


def test_events_overtake_one_another(happen: Callable[..., list[str]], told: Receiver) -> None:
    happened = happen(shuffle_s=0.3, seed=7)
    until(lambda: len(told.received) == EVENTS)
    assert ids(told) != happened
    assert sorted(ids(told)) == sorted(happened)


@pytest.mark.parametrize("order", ["kept", "reversed", "shuffled"])
def test_what_is_held_comes_in_the_order_asked_for(
    happen: Callable[..., list[str]], telling: Stand, told: Receiver, order: str
) -> None:
    happened = happen(hold=True)
    assert told.received == []
    answer = telling.post("/_sandbox/delivery/release", {"order": order, "seed": 3})
    assert (answer.status_code, answer.json()) == (202, {"released": EVENTS})
    until(lambda: len(told.received) == EVENTS)
    match order:
        case "kept":
            assert ids(told) == happened
        case "reversed":
            assert ids(told) == happened[::-1]
        case _:
            assert ids(told) not in (happened, happened[::-1])
            assert sorted(ids(told)) == sorted(happened)


def test_a_wrong_signature_is_followed_by_a_right_one(
    happen: Callable[..., list[str]], telling: Stand, told: Receiver
) -> None:
    told.secret = WEBHOOK_SECRET
    happened = happen(wrong_signature=0.1, seed=5)
    until(lambda: telling.get("/_sandbox/webhooks")["pending"] == 0)
    told.secret = None
    assert len(told.received) > EVENTS
    right = [received for received in told.received if signed(received.body, received.signature)]
    assert sorted(orjson.loads(received.body)["id"] for received in right) == sorted(happened)


def signed(body: bytes, header: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, WEBHOOK_SECRET))
    except stripe.SignatureVerificationError:
        return False


def test_a_seed_repeats_itself() -> None:
    modes = Modes(seed=11, duplicate=0.3, drop=0.2, wrong_signature=0.2, shuffle_s=5, delay_s=1)
    fates = [list(modes.copies(number)) for number in range(400)]
    assert fates == [list(modes.copies(number)) for number in range(400)]
    assert fates != [list(Modes(**{**modes.body(), "seed": 12}).copies(number)) for number in range(400)]
    sizes = Counter(0 if copies == [Copy(dropped=True)] else len(copies) for copies in fates)
    assert 40 <= sizes[0] <= 120
    assert 50 <= sizes[2] <= 150
    assert all(1 <= copy.delay_s <= 6 for copies in fates for copy in copies if not copy.dropped)


@pytest.mark.parametrize("modes", [{"drop": 2}, {"drop": "all"}, {"hurry": 1}, {"seed": -1}, {"delay_s": True}, []])
def test_modes_that_make_no_sense_are_refused(telling: Stand, modes: Any) -> None:
    before = telling.get("/_sandbox/delivery")
    assert telling.post("/_sandbox/delivery", modes).status_code == 400
    assert telling.post("/_sandbox/delivery/release", {"order": "best"}).status_code == 400
    assert telling.get("/_sandbox/delivery") == before
