"""Delivery of events to the one webhook endpoint: signed, in the order they happened per customer, again until 2xx."""

import asyncio
import functools
import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx2
import orjson

from sandbox.stripe.account import Account
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.store import Store

_AT_ONCE = 8
_FORGED_SECRET = "whsec_of_somebody_else"  # noqa: S105 - wrong on purpose
_TIMEOUT_S = 10.0
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.5, 15.0
logger = logging.getLogger(__name__)


def signature(payload: bytes, secret: str, at: int) -> str:
    """The header's time is wall time, whatever the account's clock says: receivers compare it with theirs."""
    signed = hmac.new(secret.encode(), str(at).encode() + b"." + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One copy of one event on its way; copies in the same lane (a customer) travel one after the other.

    `forged`: its first attempt carries a signature by another secret.
    """

    id: int
    event: str
    lane: str
    attempts: int
    forged: bool


class Deliverer:
    """A task of its own; the table is its queue, so a restart goes on where the last run stopped."""

    def __init__(self, account: Account, endpoint: Endpoint, client: Callable[[], httpx2.AsyncClient]) -> None:
        self._account = account
        self._endpoint = endpoint
        self._client = client
        self._woken = asyncio.Event()
        self._flying: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        async with self._client() as client, asyncio.TaskGroup() as flights:
            while True:
                self._woken.clear()
                for delivery in self._ready():
                    flight = flights.create_task(self._deliver(client, delivery))
                    self._flying[delivery.lane] = flight
                    flight.add_done_callback(functools.partial(self._landed, delivery.lane))
                try:
                    await asyncio.wait_for(self._woken.wait(), self._seconds_to_next())
                except TimeoutError:
                    continue

    def _landed(self, lane: str, _flight: asyncio.Task[None]) -> None:
        self._flying.pop(lane, None)
        self.wake()

    def _ready(self) -> list[Delivery]:
        free = _AT_ONCE - len(self._flying)
        rows = self._account.store.sql.execute(
            "SELECT id, event, lane, attempts, forged FROM deliveries "
            "WHERE state = 'pending' AND due_at <= ? ORDER BY id",
            (time.time(),),
        )
        chosen: dict[str, Delivery] = {}
        for row in rows:
            if len(chosen) >= free:
                break
            delivery = Delivery(*row)
            if delivery.lane not in self._flying:
                chosen.setdefault(delivery.lane, delivery)
        return list(chosen.values())

    def _seconds_to_next(self) -> float | None:
        """Until the next retry; what waits only for a lane is woken by the landing."""
        row = self._account.store.sql.execute(
            "SELECT min(due_at) FROM deliveries WHERE state = 'pending' AND due_at > ?", (time.time(),)
        ).fetchone()
        return None if row[0] is None else max(0.0, row[0] - time.time()) + 0.005

    async def _deliver(self, client: httpx2.AsyncClient, delivery: Delivery) -> None:
        payload = orjson.dumps(self._account.fetch("event", delivery.event), option=orjson.OPT_INDENT_2)
        started = time.time()
        secret = _FORGED_SECRET if delivery.forged and not delivery.attempts else self._endpoint.secret
        status, error = await self._post(client, payload, signature(payload, secret, int(started)))
        accepted = status is not None and 200 <= status < 300
        if not accepted:
            logger.warning("webhook of %s not accepted: %s", delivery.event, status or error)
        retry_at = time.time() + min(_FIRST_RETRY_S * 2 ** min(delivery.attempts, 10), _LONGEST_RETRY_S)
        store = self._account.store
        with store.transaction():
            store.sql.execute(
                "INSERT INTO attempts (delivery, at, status, error, milliseconds) VALUES (?, ?, ?, ?, ?)",
                (delivery.id, started, status, error, int((time.time() - started) * 1000)),
            )
            store.sql.execute(
                "UPDATE deliveries SET attempts = attempts + 1, state = ?, due_at = ? WHERE id = ?",
                ("delivered" if accepted else "pending", retry_at, delivery.id),
            )
            if accepted:
                body = self._account.fetch("event", delivery.event)
                store.replace({**body, "pending_webhooks": 0}, due=None)

    async def _post(self, client: httpx2.AsyncClient, payload: bytes, signed: str) -> tuple[int | None, str | None]:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signed,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            response = await client.post(self._endpoint.url, content=payload, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return None, type(error).__name__
        return response.status_code, None


def webhook_client() -> httpx2.AsyncClient:
    """Never through a proxy of the machine's environment, and no redirect is followed, as Stripe does it."""
    return httpx2.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=False)


def redeliver(account: Account, event_id: str) -> int:
    """Send an event again, also one that was delivered: the id of the new delivery."""
    happened = account.fetch("event", event_id)
    about = happened["data"]["object"]
    with account.store.transaction():
        return account.enqueue(happened, about.get("customer") or about["id"])


def delivery_log(store: Store, limit: int = 100) -> list[JsonObject]:
    """The latest deliveries, newest first, each with its attempts."""
    rows = store.sql.execute(
        "SELECT id, event, event_type, state, attempts FROM deliveries ORDER BY id DESC LIMIT ?", (limit,)
    ).fetchall()
    entries = []
    for delivery_id, event_id, event_type, state, count in rows:
        tries = store.sql.execute(
            "SELECT at, status, error, milliseconds FROM attempts WHERE delivery = ? ORDER BY rowid DESC LIMIT 20",
            (delivery_id,),
        ).fetchall()
        attempts = [dict(zip(("at", "status", "error", "milliseconds"), row, strict=True)) for row in reversed(tries)]
        entry: JsonObject = {"delivery": delivery_id, "event": event_id, "type": event_type, "state": state}
        entries.append({**entry, "attempt_count": count, "attempts": attempts})
    return entries


def pending_count(store: Store) -> int:
    return int(store.sql.execute("SELECT count(*) FROM deliveries WHERE state = 'pending'").fetchone()[0])
