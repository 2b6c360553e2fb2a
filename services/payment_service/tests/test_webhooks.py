"""The webhook endpoint: what is not signed, whole and sane is refused, and nothing of it is kept."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx2
import orjson
import psycopg
import pytest
from fastapi import FastAPI

from common_service.clock import utc_now
from common_service.database import Database
from common_service.testing import FixedClock
from payment_service.domain.errors import BadSignature
from payment_service.infrastructure.stripe_signatures import StripeSignatures
from payment_service.infrastructure.webhook_inbox import SqlWebhookInbox
from services.payment_service.tests.harness import Harness
from services.payment_service.tests.memory import Memory
from services.payment_service.tests.worlds import SECRET, FakeStripe, signature

pytestmark = pytest.mark.anyio
URL = "/webhooks/stripe"


def an_event(**fields: Any) -> bytes:
    document = {
        "id": "evt_1",
        "object": "event",
        "type": "invoice.paid",
        "api_version": "2026-10-28.endive",
        "livemode": False,
        "created": 1_790_000_000,
        "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_1"}},
    }
    return orjson.dumps({name: value for name, value in (document | fields).items() if value is not ...})


@pytest.fixture
async def http(make_app: Callable[[Harness], FastAPI], postgres: Harness) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(make_app(postgres))
    async with httpx2.AsyncClient(transport=transport, base_url="http://payment") as client:
        yield client


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
async def door(
    make_app: Callable[[Harness], FastAPI], memory: Memory, clock: FixedClock
) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of the application over memory: for what must not come as far as a database."""
    harness = Harness(memory.work, memory, FakeStripe(clock), clock)
    transport = httpx2.ASGITransport(make_app(harness))
    async with httpx2.AsyncClient(transport=transport, base_url="http://payment") as client:
        yield client


def kept(database_url: str) -> list[tuple[Any, ...]]:
    query = """
        SELECT event_id, type, state, reason, deliveries, provider_customer_id
        FROM payment.webhook_inbox ORDER BY event_id"""
    with psycopg.connect(database_url) as connection:
        return connection.execute(query).fetchall()


def queue(database_url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute("SELECT provider_customer_id, requests FROM payment.customer_syncs").fetchall()


async def post(http: httpx2.AsyncClient, body: bytes, header: str | bytes | None = None) -> httpx2.Response:
    given = signature(body, utc_now()) if header is None else header
    raw = given.encode("latin-1") if isinstance(given, str) else given
    return await http.post(URL, content=body, headers=[(b"stripe-signature", raw)] if raw else [])


async def test_an_event_is_kept_once_with_one_request_to_sync(http: httpx2.AsyncClient, database_url: str) -> None:
    for _ in range(3):
        answer = await post(http, an_event())
        assert (answer.status_code, answer.json()) == (200, {"received": True})
    await post(http, an_event(id="evt_2", type="checkout.session.completed"))
    assert kept(database_url) == [
        ("evt_1", "invoice.paid", "received", None, 3, "cus_1"),
        ("evt_2", "checkout.session.completed", "received", None, 1, "cus_1"),
    ]
    assert queue(database_url) == [("cus_1", 2)]


async def test_fifty_deliveries_at_once_are_one_event(http: httpx2.AsyncClient, database_url: str) -> None:
    answers = await asyncio.gather(*(post(http, an_event()) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert [row[4] for row in kept(database_url)] == [50]
    assert queue(database_url) == [("cus_1", 1)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"livemode": True}, "other livemode"),
        ({"type": "charge.succeeded"}, "type not acted on"),
        ({"type": "something.new"}, "type not acted on"),
        ({"data": {"object": {"id": "in_1"}}}, "no customer"),
    ],
)
async def test_what_does_not_concern_us_is_kept_with_its_reason(
    http: httpx2.AsyncClient, database_url: str, fields: dict[str, Any], reason: str
) -> None:
    assert (await post(http, an_event(**fields))).status_code == 200
    assert [row[2:4] for row in kept(database_url)] == [("ignored", reason)]
    assert queue(database_url) == []


async def test_an_expanded_customer_is_recognised(http: httpx2.AsyncClient, database_url: str) -> None:
    await post(http, an_event(data={"object": {"id": "in_1", "customer": {"id": "cus_9", "object": "customer"}}}))
    assert queue(database_url) == [("cus_9", 1)]


NOW, BODY = utc_now(), an_event()


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"nonsense",
        b"t=,v1=",
        b"t=x,v1=y",
        b"v1=" + b"0" * 64,
        b"t=1790000000",
        f"t={'9' * 5000},v1=00".encode(),
        signature(BODY, NOW, "whsec_of_somebody_else").encode(),
        signature(BODY, NOW - timedelta(seconds=301)).encode(),
        signature(BODY, NOW + timedelta(hours=1)).encode(),
        signature(BODY, NOW).replace("v1=", "v0=").encode(),
        signature(b"another body", NOW).encode(),
        signature(BODY, NOW).replace("v1=", "v1=é").encode("latin-1"),
        "t=1,v1=ключ".encode(),
        f"t={'٣' * 10},v1=00".encode(),
    ],
    ids=range(15),
)
async def test_a_wrong_signature_is_refused(door: httpx2.AsyncClient, memory: Memory, header: bytes) -> None:
    answer = await post(door, BODY, header)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert memory.kept.webhooks == {}


async def test_a_signature_sent_twice_is_refused(door: httpx2.AsyncClient) -> None:
    header = signature(BODY, utc_now()).encode()
    answer = await door.post(URL, content=BODY, headers=[(b"stripe-signature", header)] * 2)
    assert answer.json()["code"] == "bad_signature"


async def test_one_right_signature_among_several_is_enough(door: httpx2.AsyncClient) -> None:
    assert (await post(door, BODY, f"{signature(BODY, utc_now())},v1={'0' * 64}")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"id": NaN}',
        b"[" * 100_000,
        an_event(id=...),
        an_event(id=7),
        an_event(id=""),
        an_event(id="e" * 300),
        an_event(type=None),
        an_event(livemode="false"),
        an_event(created="now"),
        an_event(created=True),
        an_event(created=10**15),
        an_event(created=-(10**15)),
        an_event(data=[]),
        an_event(data={"object": []}),
        an_event(data={"object": {"id": "in_1", "customer": 7}}),
        an_event(data={"object": {"id": "in_1", "customer": {}}}),
        orjson.dumps({"id": "evt_thin", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found"}),
    ],
)
async def test_a_signed_body_that_is_no_event_is_refused(door: httpx2.AsyncClient, memory: Memory, body: bytes) -> None:
    answer = await post(door, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert memory.kept.webhooks == {}


async def test_what_postgres_cannot_hold_is_refused(http: httpx2.AsyncClient, database_url: str) -> None:
    note = {"object": {"id": "in_1", "customer": "cus_1", "note": "a\x00b"}}
    for body in (an_event(id="evt_\x00"), an_event(type="invoice.\x00"), an_event(data=note)):
        answer = await post(http, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert kept(database_url) == []


async def test_one_that_cannot_be_kept_takes_no_other_with_it(http: httpx2.AsyncClient, database_url: str) -> None:
    bodies = [
        an_event(id=f"evt_{number:02}", type="invoice.\x00" if number == 5 else "invoice.paid") for number in range(40)
    ]
    answers = await asyncio.gather(*(post(http, body) for body in bodies * 2))
    assert [answer.status_code for answer in answers] == [400 if number % 40 == 5 else 200 for number in range(80)]
    stored = kept(database_url)
    assert [row[0] for row in stored] == [f"evt_{number:02}" for number in range(40) if number != 5]
    assert {row[4] for row in stored} == {2}
    assert queue(database_url) == [("cus_1", 39)]


async def test_while_the_store_is_away_stripe_is_told_to_come_again(
    make_app: Callable[[Harness], FastAPI], clock: FixedClock
) -> None:
    database, memory = Database("postgresql://nobody@127.0.0.1:1/none"), Memory()
    harness = Harness(memory.work, SqlWebhookInbox(database), FakeStripe(clock), clock)
    transport = httpx2.ASGITransport(make_app(harness))
    async with httpx2.AsyncClient(transport=transport, base_url="http://payment") as client:
        answers = await asyncio.gather(*(post(client, an_event(id=f"evt_{number}")) for number in range(8)))
    assert {answer.status_code for answer in answers} == {503}
    await database.close()


async def test_taking_in_asks_stripe_nothing(http: httpx2.AsyncClient, postgres: Harness) -> None:
    calls = postgres.stripe.calls
    await asyncio.gather(*(post(http, an_event(id=f"evt_{number}")) for number in range(8)))
    assert postgres.stripe.calls == calls


async def test_a_body_that_is_no_text_is_refused(door: httpx2.AsyncClient, memory: Memory) -> None:
    answer = await post(door, b"\xff\xfe{}", "t=1,v1=00")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert memory.kept.webhooks == {}


async def test_a_huge_body_is_refused_before_it_is_hashed(door: httpx2.AsyncClient, memory: Memory) -> None:
    answer = await post(door, b" " * (256 * 1024) + BODY)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert memory.kept.webhooks == {}


def test_two_secrets_hold_during_a_roll_and_none_closes_the_endpoint() -> None:
    rolling = StripeSignatures(["whsec_new", SECRET], utc_now)
    for secret in ("whsec_new", SECRET):
        rolling(BODY, signature(BODY, utc_now(), secret))
    for secrets in ([], [""], ["  "]):
        with pytest.raises(BadSignature):
            StripeSignatures(secrets, utc_now)(BODY, signature(BODY, utc_now(), "".join(secrets)))
