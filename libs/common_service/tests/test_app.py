"""What happens around every request: ids, headers, metrics, health, docs."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from common_service.app import create_service_app
from common_service.problems import Malformed, ProblemTable

pytestmark = pytest.mark.anyio
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


SECRETS = ["eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "sk_test_4eC39HqLyjWD", "x.sk-proj-abcdefgh12345678",
           "pk_live_12345678", "whsec_0123456789abcdef", "4242424242424242", "5555-5555-5555-4444"]  # fmt: skip


class World:
    def __init__(self) -> None:
        self.is_ready, self.registry = True, CollectorRegistry()

    async def ready(self) -> None:
        if not self.is_ready:
            raise Malformed("Not yet.")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    routes = APIRouter(prefix="/kit/v1")

    @routes.get("/known/{who}")
    async def known(who: str) -> dict[str, str]:
        await asyncio.sleep(0.01)
        return {**get_contextvars(), "who": who}

    app = create_service_app(
        title="kit",
        prefix="/kit",
        routers=[routes],
        problems=ProblemTable(),
        ready=world.ready,
        registry=world.registry,
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kit") as client:
        yield client


async def test_a_request_id_is_taken_over_and_told_to_the_handler(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/kit/v1/known/a", headers={"X-Request-Id": "abc.1", "traceparent": TRACE})
    assert answer.headers["x-request-id"] == "abc.1"
    assert answer.json() == {"request_id": "abc.1", "traceparent": TRACE, "who": "a"}


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "a\tb", "<script>", "ä", *SECRETS])
async def test_an_odd_request_id_is_replaced(http: httpx2.AsyncClient, given: str) -> None:
    answer = await http.get("/kit/v1/known/a", headers={b"X-Request-Id": given.encode()})
    assert len(answer.headers["x-request-id"]) == 36


@pytest.mark.parametrize("given", ["", "00-xyz", TRACE.upper(), TRACE + "\n", "x" * 5000])
async def test_an_odd_traceparent_is_dropped(http: httpx2.AsyncClient, given: str) -> None:
    answer = await http.get("/kit/v1/known/a", headers={b"traceparent": given.encode()})
    assert "traceparent" not in answer.json()


async def test_a_request_does_not_inherit_the_trace_of_the_one_before(http: httpx2.AsyncClient) -> None:
    await http.get("/kit/v1/known/a", headers={"traceparent": TRACE})
    answer = await http.get("/kit/v1/known/a", headers={"X-Request-Id": "abc.2"})
    assert answer.json() == {"request_id": "abc.2", "who": "a"}


async def test_concurrent_requests_keep_their_own_ids(http: httpx2.AsyncClient) -> None:
    names = [f"r{n}" for n in range(50)]
    answers = await asyncio.gather(*(http.get("/kit/v1/known/x", headers={"X-Request-Id": name}) for name in names))
    assert [answer.json()["request_id"] for answer in answers] == names


async def test_every_answer_has_the_security_headers(http: httpx2.AsyncClient) -> None:
    for path in ("/kit/v1/known/a", "/nope", "/healthz", "/kit/docs"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


async def test_health_says_up_and_readiness_says_what_the_service_says(http: httpx2.AsyncClient, world: World) -> None:
    assert (await http.get("/readyz")).json() == {"status": "ready"}
    world.is_ready = False
    assert (await http.get("/readyz")).status_code == 400
    assert (await http.get("/healthz")).status_code == 200


async def test_metrics_count_by_route_and_strangers_cannot_add_series(http: httpx2.AsyncClient) -> None:
    for n in range(20):
        await http.get(f"/kit/v1/known/{n}")
        await http.get(f"/nope/{n}")
        await http.request(f"BREW{n}", "/kit/v1/known/a")
    text = (await http.get("/metrics")).text
    count = [line for line in text.splitlines() if line.startswith("http_requests_total")]
    assert 'http_requests_total{method="GET",route="/kit/v1/known/{who}",status="200"} 20.0' in count
    assert len(count) == 3


async def test_the_log_has_one_line_a_request_without_its_address(http: httpx2.AsyncClient) -> None:
    with capture_logs() as lines:
        await http.get("/kit/v1/known/somebody@example.org?token=x")
        await http.get("/healthz")
    assert [(line["event"], line["route"], line["status"]) for line in lines] == [
        ("answered", "/kit/v1/known/{who}", 200)
    ]
    assert "somebody" not in str(lines)


async def test_the_docs_page_needs_no_cdn(http: httpx2.AsyncClient) -> None:
    page = (await http.get("/kit/docs")).text
    assert "/kit/docs/static/" in page
    assert "https://" not in page
    assert (await http.get("/kit/docs/static/swagger-ui.css")).status_code == 200
    assert (await http.get("/kit/v1/openapi.json")).json()["openapi"] == "3.1.0"
