"""The stand-in on a port of its own, driven by the vendor's SDK; a webhook endpoint listens to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import stripe

from sandbox.stripe.testing import API_KEY, Receiver, Stand, running_receiver, running_stripe

SUCCESS_URL = "http://127.0.0.1:8000/account?session={CHECKOUT_SESSION_ID}"

MakeSession = Callable[..., stripe.checkout.Session]
Subscribe = Callable[..., stripe.Subscription]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def stand(tmp_path: Path, receiver: Receiver) -> Iterator[Stand]:
    with running_stripe(tmp_path / "stripe", webhook_url=receiver.url) as running:
        yield running


@pytest.fixture
def client_of() -> Callable[[Stand], stripe.StripeClient]:
    return lambda stand: stripe.StripeClient(API_KEY, base_addresses={"api": stand.url}, max_network_retries=0)


@pytest.fixture
def client(stand: Stand, client_of: Callable[[Stand], stripe.StripeClient]) -> stripe.StripeClient:
    return client_of(stand)


@pytest.fixture
def make_session(client: stripe.StripeClient) -> MakeSession:
    """A session for TrueCrime Pro; `given` overrides what is asked for."""
    return session_maker(client)


def session_maker(client: stripe.StripeClient) -> MakeSession:
    def make(**given: object) -> stripe.checkout.Session:
        wanted = {
            "mode": "subscription",
            "line_items": [{"price": "price_TrueCrimeProMonth", "quantity": 1}],
            "success_url": SUCCESS_URL,
            "cancel_url": "http://127.0.0.1:8000/plans",
            **given,
        }
        asked = {name: value for name, value in wanted.items() if value is not None}
        return client.v1.checkout.sessions.create(cast("Any", asked))

    return make


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """One stand-in for all tests of a module that keep to customers of their own."""
    with running_stripe(tmp_path_factory.mktemp("stripe")) as running:
        yield running


@pytest.fixture(scope="module")
def api(shared: Stand) -> stripe.StripeClient:
    return stripe.StripeClient(API_KEY, base_addresses={"api": shared.url}, max_network_retries=0)


@pytest.fixture
def subscribe(api: stripe.StripeClient) -> Subscribe:
    """A new customer with a card who subscribes by the API; `given` overrides what is asked for."""

    def begin(
        card: str = "pm_card_visa", price: str = "price_TrueCrimeProMonth", **given: object
    ) -> stripe.Subscription:
        customer = api.v1.customers.create({"email": "reader@case.test"})
        method = api.v1.payment_methods.attach(card, {"customer": customer.id})
        wanted = {
            "customer": customer.id,
            "default_payment_method": method.id,
            "items": [{"price": price}],
            **given,
        }
        return api.v1.subscriptions.create(cast("Any", wanted))

    return begin


@pytest.fixture(scope="module")
def open_session(api: stripe.StripeClient) -> MakeSession:
    """As `make_session`, in the account that a module shares."""
    return session_maker(api)
