"""Webhook ingest: verified, stored, committed, answered by one process, 16 at once, against the bare insert.

python -m bench.webhooks [--durable]: with it, Postgres waits for the disk. While it runs, Stripe's API hangs: nothing
here may notice.
"""

import argparse
import asyncio
import hashlib
import hmac
import itertools
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import orjson
import psycopg
import uvloop
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Message

from bench.measuring import Figure, Seconds, in_turn, ratio, show
from common_service.app import create_service_app
from common_service.clock import utc_now
from common_service.database import Database
from common_service.logging import configure_logging
from common_service.testing import alembic
from payment_service.api.problems import FACES
from payment_service.api.webhook_routes import webhook_routes
from payment_service.application.receive_webhook import ReceiveWebhook
from payment_service.infrastructure.stripe_calls import API_VERSION
from payment_service.infrastructure.stripe_signatures import StripeSignatures
from payment_service.infrastructure.webhook_inbox import SqlWebhookInbox
from payment_service.infrastructure.webhook_metrics import WebhookMetrics
from sandbox.servers.postgres import start_postgres

_AT_ONCE, _EVENTS, _ROUNDS, _CUSTOMERS = 16, 800, 7, 200
_SECRET = "whsec_bench"  # noqa: S105 - of this run
_GOAL = 0.2
_PAYMENT = Path(__file__).resolve().parents[1] / "services" / "payment_service"
_INSERT = """
WITH event AS (
  INSERT INTO payment.webhook_inbox (provider, event_id, type, api_version, livemode, object_id, provider_customer_id,
    provider_created_at, payload, payload_sha256, state, received_at)
  VALUES ('stripe', %(id)s, 'invoice.paid', %(version)s, false, 'in_1', %(customer)s, now(), %(payload)s::jsonb,
    %(sha256)s, 'received', now())
  ON CONFLICT DO NOTHING RETURNING 1)
INSERT INTO payment.customer_syncs AS sync (provider, provider_customer_id, cause_type, cause_id, due_at)
SELECT 'stripe', %(customer)s, 'webhook', %(id)s, now() FROM event
ON CONFLICT (provider, provider_customer_id) DO UPDATE SET requests = sync.requests + 1
"""


class Ingest:
    """Both ways in, over events that never came before."""

    def __init__(self, app: FastAPI, connections: list[psycopg.AsyncConnection[Any]]) -> None:
        self._app, self._connections, self._numbers = app, connections, itertools.count()
        self.waits: Seconds = []

    async def ours(self) -> None:
        """Send signed requests to the application, 16 at once."""
        requests = iter([self._event() for _ in range(_EVENTS)])
        await asyncio.gather(*(self._post_all(requests) for _ in range(_AT_ONCE)))

    async def floor(self) -> None:
        """Insert the same rows, 16 at once, a commit each."""
        events = iter([self._event() for _ in range(_EVENTS)])
        await asyncio.gather(*(self._insert_all(connection, events) for connection in self._connections))

    async def _insert_all(
        self, connection: psycopg.AsyncConnection[Any], events: Iterator[tuple[str, str, bytes]]
    ) -> None:
        for event_id, customer, body in events:
            values = {"id": event_id, "customer": customer, "version": API_VERSION, "payload": body.decode()}
            await connection.execute(_INSERT, values | {"sha256": hashlib.sha256(body).digest()})

    async def _post_all(self, events: Iterator[tuple[str, str, bytes]]) -> None:
        for _, _, body in events:
            started = time.perf_counter()
            await self._post(body)
            self.waits.append(time.perf_counter() - started)

    async def _post(self, body: bytes) -> None:
        at = int(time.time())
        signed = hmac.new(_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = [(b"host", b"payment"), (b"content-type", b"application/json")]
        headers += [(b"stripe-signature", f"t={at},v1={signed}".encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/webhooks/stripe", "raw_path": b"/webhooks/stripe", "query_string": b"", "root_path": "",
            "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        }  # fmt: skip
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        assert sent[0]["status"] == 200, sent

    def _event(self) -> tuple[str, str, bytes]:
        number = next(self._numbers)
        event_id, customer = f"evt_{number:024}", f"cus_{number % _CUSTOMERS}"
        subject = {"id": "in_1", "object": "invoice", "customer": customer, "lines": ["x" * 80] * 20}
        return (
            event_id,
            customer,
            orjson.dumps(
                {
                    "id": event_id,
                    "object": "event",
                    "type": "invoice.paid",
                    "api_version": API_VERSION,
                    "livemode": False,
                    "created": 1_790_000_000,
                    "data": {"object": subject},
                }
            ),
        )


def application(database: Database) -> FastAPI:
    """Build the service's application with its webhook endpoint."""
    registry = CollectorRegistry()
    receive = ReceiveWebhook(
        StripeSignatures([_SECRET], utc_now),
        orjson.loads,
        SqlWebhookInbox(database),
        utc_now,
        livemode=False,
        api_version=API_VERSION,
        count=WebhookMetrics(registry),
    )
    return create_service_app(
        title="bench",
        prefix="/payment",
        routers=[webhook_routes(receive)],
        problems=FACES,
        ready=database.ping,
        registry=registry,
    )


async def measure(url: str) -> list[Figure]:
    """Let both take in the same number of events in turn."""
    database = Database(url, pool_size=_AT_ONCE)
    connections = [await psycopg.AsyncConnection.connect(url, autocommit=True) for _ in range(_AT_ONCE)]
    ingest = Ingest(application(database), connections)
    seconds = await in_turn({"floor": ingest.floor, "ours": ingest.ours}, rounds=_ROUNDS, clock=time.perf_counter)
    for connection in connections:
        await connection.close()
    await database.close()
    return [
        Figure("floor: the same insert by psycopg alone, 16 at once", _EVENTS / median(seconds["floor"]), "events/s"),
        Figure("verified, stored, committed, answered, 16 at once", _EVENTS / median(seconds["ours"]), "events/s"),
        Figure("ours / floor", ratio(seconds["floor"], seconds["ours"]), "x", _GOAL, at_least=True),
        Figure("answer, p50", median(ingest.waits) * 1e3, "ms"),
        Figure("answer, p99", quantiles(ingest.waits, n=100)[-1] * 1e3, "ms"),
    ]


@contextmanager
def payment_database(*, durable: bool) -> Iterator[str]:
    """Yield the URL of a database of this run with the migrations of payment_service applied."""
    with tempfile.TemporaryDirectory(prefix="truecrime-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o755)  # Postgres runs as another user when root runs this
        postgres = start_postgres(directory, durable=durable)
        try:
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute("CREATE SCHEMA IF NOT EXISTS payment")
            alembic(_PAYMENT, postgres.url, "upgrade", "head")
            yield postgres.url
        finally:
            postgres.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--durable", action="store_true", help="commits wait for the disk")
    durable = parser.parse_args().durable
    configure_logging("bench", level="WARNING")
    with payment_database(durable=durable) as url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(measure(url))
    show("webhooks", figures)


if __name__ == "__main__":
    main()
