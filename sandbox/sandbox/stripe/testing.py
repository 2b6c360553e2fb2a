"""For tests: the stand-in served on a real port, a webhook endpoint that remembers, and somebody who pays."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import orjson

from sandbox.servers.ports import free_port
from sandbox.servers.served import served
from sandbox.stripe.account import DeliveryPlan, at_once
from sandbox.stripe.app import create_app
from sandbox.stripe.webhooks import signature

API_KEY = "sk_test_sandbox0123456789"
WEBHOOK_SECRET = "whsec_sandbox"  # noqa: S105 - of the stand-in
GOOD_CARD = {"card_number": "4242 4242 4242 4242", "card_expiry": "12 / 40", "card_cvc": "123", "name": "A Reader"}


# One for all: each client of its own would load the machine's certificates again.
BROWSER = httpx2.Client(trust_env=False, verify=False, limits=httpx2.Limits(max_keepalive_connections=0))


@dataclass(frozen=True, slots=True)
class Received:
    body: bytes
    signature: str

    @property
    def type(self) -> str:
        return str(orjson.loads(self.body)["type"])


@dataclass(slots=True)
class Receiver:
    """A webhook endpoint that answers `status` and keeps what came; with a `secret` it refuses other signatures."""

    url: str
    status: int = 200
    secret: str | None = None
    received: list[Received] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [received.type for received in self.received]


@dataclass(frozen=True, slots=True)
class Stand:
    """The running stand-in as a browser or a script sees it."""

    url: str

    def pay(self, session_url: str, **fields: str) -> httpx2.Response:
        return BROWSER.post(session_url, data={**GOOD_CARD, **fields})

    def advance(self, seconds: int) -> None:
        self.post("/_sandbox/clock", {"advance_seconds": seconds}).raise_for_status()

    def now(self) -> int:
        return int(self.get("/_sandbox/clock")["now"])

    def get(self, path: str) -> Any:
        return BROWSER.get(self.url + path).raise_for_status().json()

    def post(self, path: str, body: Any) -> httpx2.Response:
        return BROWSER.post(self.url + path, json=body)


@contextmanager
def running_stripe(directory: Path, *, webhook_url: str = "", plan: DeliveryPlan = at_once) -> Iterator[Stand]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    app = create_app(
        directory=directory,
        public_url=url,
        webhook_url=webhook_url,
        webhook_secret=WEBHOOK_SECRET,
        api_key=API_KEY,
        plan=plan,
    )
    with served(app, port):
        yield Stand(url)


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came = Received(body, self.headers["Stripe-Signature"])
            receiver.received.append(came)
            self.send_response(receiver.status if _genuine(receiver, came) else 400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any, **__: Any) -> None:
            """Stay quiet: the test looks at what was received."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/webhooks/stripe")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="webhook receiver")
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _genuine(receiver: Receiver, came: Received) -> bool:
    if receiver.secret is None:
        return True
    at = int(came.signature.partition(",")[0].removeprefix("t="))
    return came.signature == signature(came.body, receiver.secret, at)


def until(reached: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for what another thread brings about."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise AssertionError(f"not reached within {seconds} s")
        time.sleep(0.01)
