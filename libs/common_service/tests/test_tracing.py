"""What a process pays and passes on without traces, what spans tell, and what happens when nobody takes them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest
from fastapi import APIRouter, FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.contextvars import get_contextvars

from common_service.app import create_service_app
from common_service.database import Database
from common_service.http import HttpClient
from common_service.problems import ProblemTable
from common_service.testing import ready
from common_service.tracing import calling, continued, outgoing_headers, tracing
from common_service.tracing_sql import _told
from libs.common_service.tests.collectors import LONG, Collector, otlp_collector, traced

pytestmark = pytest.mark.anyio
TRACE, CALLER = "6745d1a84bf92f3577b34da6a3ce929d", "00f067aa0ba902b7"
W3C = f"00-{TRACE}-{CALLER}-01"
ROOT = f"Root=1-{TRACE[:8]}-{TRACE[8:]}"


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with otlp_collector() as collector:
        yield collector


def service(*, calls: httpx2.AsyncBaseTransport | None = None) -> FastAPI:
    routes = APIRouter(prefix="/kit/v1")

    @routes.get("/known")
    async def known() -> dict[str, Any]:
        return dict(get_contextvars())

    @routes.get("/passed-on")
    async def passed_on() -> dict[str, str]:
        async with HttpClient(transport=calls) as http:
            answer: dict[str, str] = (await http.get("http://other/")).json()
            return answer

    @routes.get("/broken")
    async def broken() -> None:
        raise ValueError("reader@truecrime.test")

    return create_service_app(title="kit", prefix="/kit", routers=[routes], problems=ProblemTable(), ready=ready)


def client(app: FastAPI) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://kit/kit/v1")


def echo() -> httpx2.MockTransport:
    return httpx2.MockTransport(lambda request: httpx2.Response(200, json=dict(request.headers)))


def test_without_traces_nothing_of_the_tracing_sdk_is_imported() -> None:
    words = """
import sys
import common_auth.gate, common_auth.surroundings, common_events.consumer, common_events.relay, common_service.serving
from common_service.settings import ServiceSettings
from common_service.testing import NOWHERE
from common_service.tracing import configure_tracing
configure_tracing("kit", ServiceSettings(**NOWHERE))
print([m for m in sys.modules if m.startswith(("opentelemetry.sdk.trace", "opentelemetry.exporter", "aws_xray_sdk"))])
"""
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_without_traces_the_callers_trace_is_known_and_passed_on() -> None:
    async with client(service(calls=echo())) as http:
        for headers in ({"traceparent": W3C}, {"X-Amzn-Trace-Id": f"{ROOT};Parent={CALLER};Sampled=1"}):
            assert (await http.get("/known", headers=headers)).json()["traceparent"] == W3C
            passed = (await http.get("/passed-on", headers=headers)).json()
            assert passed["traceparent"] == W3C
            assert passed["x-amzn-trace-id"] == f"{ROOT};Parent={CALLER};Sampled=1"
        assert "traceparent" not in (await http.get("/known")).json()
        assert "traceparent" not in (await http.get("/passed-on")).json()


async def test_strangers_are_not_told_the_trace(collector: Collector) -> None:
    for settings in ({}, collector.settings):
        with traced(**settings):
            async with HttpClient(transport=echo(), tells_trace=False) as http, client(service()) as kit:
                await kit.get("/known", headers={"traceparent": W3C})
                assert "traceparent" not in (await http.get("http://vendor/")).json()
            await collector.until(lambda seen: bool(seen) or not tracing())


async def test_a_span_is_passed_on_in_both_headers(collector: Collector) -> None:
    with traced(**collector.settings):
        async with client(service(calls=echo())) as http:
            passed = (await http.get("/passed-on", headers={"X-Amzn-Trace-Id": ROOT})).json()
        spans = {span.name: span for span in await collector.until(lambda seen: len(seen) == 2)}
    called = spans["GET other"]
    assert passed["traceparent"] == f"00-{TRACE}-{called.id}-01"
    assert passed["x-amzn-trace-id"] == f"{ROOT};Parent={called.id};Sampled=1"
    assert called.attributes == {
        "http.request.method": "GET", "server.address": "other", "http.response.status_code": 200
    }  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "ratio", "kept"),
    [
        ({"X-Amzn-Trace-Id": ROOT}, 1.0, True),
        ({"X-Amzn-Trace-Id": ROOT}, 0.0, False),
        ({"X-Amzn-Trace-Id": f"{ROOT};Sampled=0"}, 1.0, False),
        ({"X-Amzn-Trace-Id": f"{ROOT};Sampled=1"}, 0.0, True),
        ({"X-Amzn-Trace-Id": f"{ROOT};Parent={CALLER}"}, 0.0, False),
        ({"X-Amzn-Trace-Id": f"{ROOT};Parent={CALLER}"}, 1.0, True),
        ({"X-Amzn-Trace-Id": f"{ROOT};Parent={CALLER};Sampled=1"}, 0.0, True),
        ({"traceparent": W3C}, 0.0, True),
        ({"traceparent": W3C[:-2] + "00"}, 1.0, False),
        ({}, 0.0, False),
    ],
)
async def test_who_asks_to_keep_a_trace_is_obeyed_and_else_a_share_is_kept(
    collector: Collector, headers: dict[str, str], ratio: float, kept: bool
) -> None:
    with traced(**collector.settings, trace_sampling_ratio=ratio):
        async with client(service()) as http:
            known = (await http.get("/known", headers=headers)).json()["traceparent"]
            await http.get("/known", headers={"traceparent": f"00-{TRACE[::-1]}-{CALLER}-01"})
        spans = await collector.until(lambda seen: any(span.trace_id == TRACE[::-1] for span in seen))
    assert known.endswith("-01" if kept else "-00")
    assert len(spans) == 1 + kept
    if headers:
        assert known[3:35] == TRACE


async def test_a_vendors_sdk_has_a_span_by_name(collector: Collector) -> None:
    with calling("vendor") as nothing:
        assert nothing is None
    with traced(**collector.settings):
        with continued("work", W3C, {}), pytest.raises(ValueError, match="secret"), calling("vendor"):
            raise ValueError("a secret")
        spans = {span.name: span for span in await collector.until(lambda seen: len(seen) == 2)}
    assert spans["vendor"].parent_id == spans["work"].id
    assert spans["vendor"].attributes == {"server.address": "vendor", "error.type": "ValueError"}


async def test_what_goes_on_after_the_answer_stays_in_the_trace(collector: Collector, database_url: str) -> None:
    routes, goes_on = APIRouter(), list[asyncio.Task[None]]()

    async def work(database: Database, answered: asyncio.Event) -> None:
        await answered.wait()
        async with database.session() as session:
            await session.execute(text("SELECT n FROM kit.effects"))

    @routes.get("/starts")
    async def starts() -> None:
        goes_on.append(asyncio.create_task(work(database, answered)))

    with traced(**collector.settings):
        database, answered = Database(database_url), asyncio.Event()
        app = create_service_app(title="kit", prefix="/kit", routers=[routes], problems=ProblemTable(), ready=ready)
        async with client(app) as http:
            await http.get("http://kit/starts")
        answered.set()
        await asyncio.gather(*goes_on)
        await database.close()
        spans = {span.name: span for span in await collector.until(lambda seen: len(seen) == 2)}
    assert spans["SELECT kit.effects"].parent_id == spans["GET /starts"].id


async def test_the_ids_of_a_trace_that_begins_here_are_x_rays(collector: Collector) -> None:
    with traced(**collector.settings):
        async with client(service()) as http:
            await http.get("/known")
        (span,) = await collector.until(lambda seen: len(seen) == 1)
    assert int(span.trace_id[:8], 16) > 1_700_000_000
    assert span.parent_id == ""


async def test_a_defect_is_told_by_its_type_alone_and_health_not_at_all(collector: Collector) -> None:
    with traced(**collector.settings):
        async with client(service()) as http:
            await http.get("http://kit/healthz")
            await http.get("/broken?token=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln")
        (span,) = await collector.until(lambda seen: len(seen) == 1)
    assert (span.failed, span.attributes["error.type"]) == (True, "ValueError")
    assert b"reader@" not in collector.wire
    assert b"eyJ" not in collector.wire


async def test_a_statement_that_fails_has_a_span_without_its_text(collector: Collector, database_url: str) -> None:
    with traced(**collector.settings):
        database = Database(database_url)
        async with database.session() as session:
            with pytest.raises(DBAPIError), continued("work", W3C, {}):
                await session.execute(text("SELECT 'a secret'::int + :n FROM kit.effects"), {"n": 7})
        async with database.session() as session:  # nothing is traced, nothing is told
            await session.execute(text("SELECT 1"))
        async with HttpClient(transport=echo()) as http:
            await http.get("http://kit/")
        await database.close()
        spans = {span.name: span for span in await collector.until(lambda seen: len(seen) == 2)}
    failed = spans["SELECT kit.effects"]
    assert failed.failed
    assert failed.attributes["error.type"] == "InvalidTextRepresentation"
    assert spans["work"].attributes["error.type"] == "DataError"
    assert b"secret" not in collector.wire


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT a FROM story.stories WHERE id = $1", "SELECT story.stories"),
        ('\n  insert into "users"."people" (a) values (1)', "INSERT users.people"),
        ("UPDATE ONLY payment.plans SET a = 'from x'", "UPDATE payment.plans"),
        ("DELETE FROM kit.inbox", "DELETE kit.inbox"),
        ("SELECT 'it''s from here', now()", "SELECT"),
        ("-- from nowhere\nSELECT 1", "SELECT"),
        ("WITH due AS (SELECT 1 FROM a.b) UPDATE c.d SET x = 1", "WITH a.b"),
        ("", "SQL"),
        ("'; drop", "SQL"),
    ],
)
def test_the_name_of_a_statement_is_its_operation_and_table(statement: str, name: str) -> None:
    assert _told(statement)[0] == name


def test_log_lines_say_where_in_the_trace_they_stand() -> None:
    words = f"""
import structlog
from structlog.contextvars import bind_contextvars
from common_service.logging import configure_logging, log_answer
configure_logging("kit")
bind_contextvars(traceparent="{W3C}")
structlog.get_logger("kit").info("one")
log_answer("GET", "/", 200, ms=1.0)
"""
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    lines = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert [(line["event"], line["trace_id"], line["span_id"]) for line in lines] == [
        ("one", TRACE, CALLER), ("answered", TRACE, CALLER)
    ]  # fmt: skip
    assert "traceparent" not in done.stdout


@pytest.mark.parametrize("exporter", ["otlp", "xray"])
async def test_an_exporter_that_never_answers_delays_no_request_and_no_end(exporter: str) -> None:
    silence = asyncio.Event()

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silence.wait()
        writer.close()

    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    settings = {"trace_otlp_endpoint": f"http://127.0.0.1:{port}/v1/traces", "trace_xray_daemon": f"127.0.0.1:{port}"}
    with traced(trace_exporter=exporter, **settings):
        app = service()
        async with asyncio.timeout(LONG), client(app) as http, app.router.lifespan_context(app):
            for _ in range(50):
                assert (await http.get("/known")).status_code == 200
    silence.set()
    silent.close()


async def test_what_is_left_is_sent_at_the_end(collector: Collector) -> None:
    with traced(**collector.settings):
        app = service()
        async with client(app) as http, app.router.lifespan_context(app):
            await http.get("/known")
        assert [span.name for span in collector.spans] == ["GET /kit/v1/known"]


async def test_nothing_is_passed_on_outside_a_request() -> None:
    assert outgoing_headers() == {}
