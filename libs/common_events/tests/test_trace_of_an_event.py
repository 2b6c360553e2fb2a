"""One trace from the load balancer's header through HTTP, Postgres and the transport into the consumer's handler."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import APIRouter
from psycopg.rows import dict_row
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from common_events.consumer import Consumer
from common_events.envelope import Envelope
from common_events.handlers import Many
from common_events.outbox import Fact, SqlOutbox
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.relay import Relay
from common_events.tables import messaging_tables
from common_events.testing import MemoryBroker, MemoryPublisher
from common_service.app import create_service_app
from common_service.database import Database
from common_service.http import HttpClient
from common_service.problems import ProblemTable
from common_service.tables import schema_metadata
from common_service.testing import ready
from libs.common_service.tests.collectors import LONG, Collector, Seen, otlp_collector, traced, xray_daemon

pytestmark = pytest.mark.anyio
TABLES = messaging_tables(schema_metadata("kit"))
TRACE, CALLER = "6745d1a84bf92f3577b34da6a3ce929d", "00f067aa0ba902b7"
HEADERS = [
    pytest.param({"X-Amzn-Trace-Id": f"Root=1-{TRACE[:8]}-{TRACE[8:]}"}, "", id="load balancer"),
    pytest.param({"X-Amzn-Trace-Id": f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={CALLER};Sampled=1"}, CALLER, id="x-ray"),
    pytest.param({"traceparent": f"00-{TRACE}-{CALLER}-01"}, CALLER, id="w3c"),
    pytest.param(
        {"traceparent": f"00-{TRACE}-{CALLER}-01", "X-Amzn-Trace-Id": f"Root=1-6745d1a9-{TRACE[8:]}"},
        CALLER,
        id="w3c behind the load balancer",
    ),
]
SECRETS = ["reader@truecrime.test", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "a-quiet-prompt", "in-the-text"]
EFFECT = text("INSERT INTO kit.effects (what) VALUES (:what)")
COUNT = text("SELECT count(*) FROM kit.effects WHERE what <> 'in-the-text'")


@pytest.fixture(params=["otlp", "xray"])
async def collector(request: pytest.FixtureRequest) -> AsyncIterator[Collector]:
    receiver = otlp_collector if request.param == "otlp" else xray_daemon
    async with receiver() as collector:
        with traced(**collector.settings):
            yield collector


@pytest.fixture
async def traced_database(collector: Collector, database_url: str) -> AsyncIterator[Database]:
    """Open the database after tracing was configured, as a service does."""
    assert collector.settings
    database = Database(database_url)
    yield database
    await database.close()


@pytest.mark.parametrize(("headers", "caller"), HEADERS)
async def test_one_trace_from_the_header_into_the_handler(
    collector: Collector, traced_database: Database, redis: Redis, headers: dict[str, str], caller: str
) -> None:
    async with _service(traced_database) as http:
        await _tell(http, headers)
        known = await _consumed(traced_database, redis)
    spans = {span.name: span for span in await collector.until(_is_whole)}
    assert {span.trace_id for span in collector.spans} == {TRACE}
    outer, called, inner = spans["POST /kit/v1/tell/{who}"], spans["GET neighbour"], spans["GET /kit/v1/inner"]
    handled = spans["process kit.told"]
    assert [outer.parent_id, called.parent_id, inner.parent_id] == [caller, outer.id, called.id]
    assert handled.parent_id == outer.id
    statements = {(span.name, span.parent_id) for span in collector.spans if "db.operation.name" in span.attributes}
    written = {("INSERT kit.effects", outer.id), ("INSERT kit.outbox", outer.id)}
    assert written | {("SELECT kit.effects", handled.id)} <= statements
    assert known["traceparent"] == f"00-{TRACE}-{handled.id}-01"
    for secret in SECRETS:
        assert secret.encode() not in collector.wire


def _is_whole(seen: Sequence[Seen]) -> bool:
    names = [span.name for span in seen]
    return {"POST /kit/v1/tell/{who}", "GET /kit/v1/inner", "process kit.told", "SELECT kit.effects"} <= set(names)


@contextlib.asynccontextmanager
async def _service(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """Serve a route that writes, tells a fact and calls a neighbour with what no span may hold."""
    routes = APIRouter(prefix="/kit/v1")

    @routes.get("/inner")
    async def inner() -> dict[str, Any]:
        return dict(get_contextvars())

    @routes.post("/tell/{who}")
    async def tell(who: str, prompt: str) -> None:
        async with database.session() as session:
            await session.execute(EFFECT, {"what": f"{who} {prompt}"})
            await SqlOutbox(session, TABLES).add(Fact("kit.told", "k", 1, {"who": who}, datetime.now(UTC)))
            await session.commit()
        await neighbour.get("http://neighbour/kit/v1/inner", params={"token": SECRETS[1]})

    app = create_service_app(title="kit", prefix="/kit", routers=[routes], problems=ProblemTable(), ready=ready)
    transport = httpx2.ASGITransport(app)
    async with HttpClient(transport=transport) as neighbour, httpx2.AsyncClient(transport=transport) as http:
        yield http


async def _tell(http: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    secret = {"Authorization": f"Bearer {SECRETS[1]}", **headers}
    answer = await http.post(f"http://kit/kit/v1/tell/{SECRETS[0]}", params={"prompt": SECRETS[2]}, headers=secret)
    assert answer.status_code == 200, answer.text


async def _consumed(database: Database, redis: Redis, *, together: bool = False) -> dict[str, Any]:
    """Carry what is in the outbox to a handler, and return what the handler knows of its request."""
    stop, known = asyncio.Event(), {}

    async def handle(session: AsyncSession, _envelope: Envelope) -> None:
        await session.execute(COUNT)
        known.update(get_contextvars())
        stop.set()

    async def handle_all(session: AsyncSession, envelopes: Sequence[Envelope]) -> None:
        await handle(session, envelopes[0])

    subscription = RedisSubscription(redis, "c", ["kit"], "member")
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    relay = Relay(url, schema="kit", source="kit", publisher=RedisPublisher(redis))
    handler = Many(handle_all) if together else handle
    consumer = Consumer("c", subscription, {"kit.told": handler}, database, TABLES, poll_seconds=0.05)
    carrying = asyncio.create_task(relay.run(stop))
    async with asyncio.timeout(LONG):
        await consumer.run(stop)
    carrying.cancel()
    await asyncio.gather(carrying, return_exceptions=True)
    return known


async def test_many_events_at_once_have_a_span_in_each_ones_trace(
    collector: Collector, traced_database: Database, redis: Redis
) -> None:
    others = [f"{n:08x}{TRACE[8:]}" for n in range(3)]
    async with _service(traced_database) as http:
        for trace in others:
            await _tell(http, {"traceparent": f"00-{trace}-{CALLER}-01"})
        await _consumed(traced_database, redis, together=True)
    spans = await collector.until(lambda seen: len([1 for span in seen if span.name == "process kit.told"]) == 3)
    told = {span.trace_id: span.id for span in spans if span.name.startswith("POST")}
    assert {span.trace_id: span.parent_id for span in spans if span.name == "process kit.told"} == told


async def test_the_carrying_of_one_trace_is_part_of_it_and_of_several_a_trace_of_its_own(
    collector: Collector, traced_database: Database
) -> None:
    url = traced_database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    relay = Relay(url, schema="kit", source="kit", publisher=MemoryPublisher(MemoryBroker()))
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=dict_row)
    traces = [f"{n:08x}{TRACE[8:]}" for n in (1, 1, 2, 3)]
    async with _service(traced_database) as http, connection:
        for batch in (traces[:2], traces[2:]):
            for trace in batch:
                await _tell(http, {"traceparent": f"00-{trace}-{CALLER}-01"})
            assert await relay.step(connection) == 2
        assert await relay.step(connection) == 0
    spans = await collector.until(lambda seen: len([1 for span in seen if span.name == "relay kit"]) == 2)
    within, alone = (span for span in spans if span.name == "relay kit")
    assert (within.trace_id, bool(within.parent_id)) == (traces[0], True)
    assert (alone.trace_id in traces, alone.parent_id) == (False, "")
