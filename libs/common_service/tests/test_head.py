"""HEAD answers as GET does, without a body, and ends what GET would have gone on with."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from common_service.app import create_service_app
from common_service.problems import ProblemTable
from common_service.testing import ready

pytestmark = pytest.mark.anyio


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    routes = APIRouter(prefix="/kit/v1")

    @routes.get("/thing")
    async def thing() -> dict[str, str]:
        return {"a": "thing"}

    @routes.post("/order")
    async def order() -> None: ...

    @routes.get("/broken")
    async def broken() -> None:
        raise ValueError

    @routes.get("/endless")
    async def endless() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "data: 1\n\n"
            await asyncio.sleep(3600)

        return StreamingResponse(parts(), media_type="text/event-stream")

    app = create_service_app(
        title="kit",
        prefix="/kit",
        routers=[routes],
        problems=ProblemTable(),
        ready=ready,
        registry=CollectorRegistry(),
    )
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://kit/kit/v1") as client:
        yield client


@pytest.mark.parametrize("path", ["/thing", "/nothing", "/order", "/broken", "/docs", "/openapi.json"])
async def test_head_has_the_status_and_headers_of_get_and_no_body(http: httpx2.AsyncClient, path: str) -> None:
    same = {"X-Request-Id": "1"}
    got, asked = await http.get(path, headers=same), await http.head(path, headers=same)
    assert (asked.status_code, asked.headers.multi_items()) == (got.status_code, got.headers.multi_items())
    assert (asked.content, bool(got.content)) == (b"", True)


async def test_a_stream_ends_with_its_headers(http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(30):
        answer = await http.head("/endless")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.content == b""


async def test_health_answers_it_too_and_the_log_tells_what_was_asked(http: httpx2.AsyncClient) -> None:
    with capture_logs() as lines:
        await http.head("/thing")
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [("HEAD", "/kit/v1/thing", 200)]
    assert (await http.head("http://kit/readyz")).status_code == 200
