"""Health as the page asks for it."""

import asyncio
from pathlib import Path

import httpx2
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.portal.health import health_of

pytestmark = pytest.mark.anyio


def services_where(*down: str) -> httpx2.AsyncClient:
    """Return a client to a world in which the processes of these paths are not ready."""

    async def answer(request: Request) -> Response:
        return PlainTextResponse("", 503 if request.url.path in down else 200)

    app = Starlette(routes=[Route("/{rest:path}", answer)])
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))


STORY = {"story": {"ready_url": "http://here/api/readyz", "worker_url": "http://here/worker"}}


async def test_a_service_and_its_worker_are_told_apart() -> None:
    async with services_where("/worker/readyz") as http:
        found = await health_of(http, {"services": STORY})
    assert found == [{"name": "story", "ready": True, "worker": False}]


async def test_a_process_that_does_not_listen_is_down(browser: httpx2.AsyncClient, platform_file: Path) -> None:
    nobody = {"ready_url": "http://127.0.0.1:9/readyz", "worker_url": "http://127.0.0.1:9"}
    await asyncio.to_thread(platform_file.write_bytes, orjson.dumps({"services": {"story": nobody}}))
    answer = await browser.get("/_sandbox/health")
    assert answer.json() == [{"name": "story", "ready": False, "worker": False}]
    assert answer.headers["cache-control"] == "no-store"


async def test_nothing_runs_before_the_platform_is_recorded(browser: httpx2.AsyncClient) -> None:
    assert (await browser.get("/_sandbox/health")).json() == []
