"""The moderation desk for admins: who may, what is sent on, and what comes back as it is."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import orjson
import pytest

from admin_service.api.moderation import moderation_routes
from admin_service.api.problems import FACES
from admin_service.infrastructure.http_desk import HttpDesk
from common_auth.service_tokens import ServiceTokens
from common_auth.testing import TestIssuer
from common_service.app import create_service_app
from common_service.testing import ready
from services.admin_service.tests.test_http_source import Neighbour

pytestmark = pytest.mark.anyio
QUEUE = "/admin/v1/moderation/cases"
POLICY = {"admin": frozenset({"moderation.read", "moderation.write"}), "readers": frozenset({"moderation.read"})}
BLOCK = {"verdict": "block", "reason_codes": ["violence"], "statement": "It shows too much."}


@pytest.fixture
def story() -> Neighbour:
    return Neighbour()


@pytest.fixture
async def http(story: Neighbour, issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(story)) as outside:
        tokens = ServiceTokens("http://cognito/oauth2/token", "admin", "secret", outside, lambda: story.seconds)
        desk = HttpDesk("http://story/internal/v1/moderation/cases", tokens, outside)
        routes = [moderation_routes(desk, issuer.callers(POLICY))]
        app = create_service_app(title="desk", prefix="/admin", routers=routes, problems=FACES, ready=ready)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://admin") as client:
            yield client


def as_admin(issuer: TestIssuer, group: str = "admin") -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.reader(groups=[group])}", "Idempotency-Key": "k"}


async def test_a_decision_is_sent_on_as_the_admins_own(
    http: httpx2.AsyncClient, story: Neighbour, issuer: TestIssuer
) -> None:
    case_id, headers = uuid4(), as_admin(issuer)
    story.answers = [httpx2.Response(200, json={"state": "upheld"}, headers={"Idempotent-Replayed": "true"})]
    answer = await http.post(f"{QUEUE}/{case_id}/decision", json=BLOCK, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"state": "upheld"})
    assert answer.headers["idempotent-replayed"] == "true"
    [sent] = story.calls
    assert sent.url.path == f"/internal/v1/moderation/cases/{case_id}/decision"
    assert orjson.loads(sent.content) == BLOCK
    assert sent.headers["x-actor-token"] == headers["Authorization"].removeprefix("Bearer ")
    assert (sent.headers["idempotency-key"], sent.headers["authorization"]) == ("k", "Bearer token-1")


async def test_what_the_desk_refuses_is_the_admins_to_read(
    http: httpx2.AsyncClient, story: Neighbour, issuer: TestIssuer
) -> None:
    problem = {"code": "same_reviewer", "status": 409}
    content_type = {"content-type": "application/problem+json"}
    story.answers = [httpx2.Response(409, content=orjson.dumps(problem), headers=content_type)]
    answer = await http.post(f"{QUEUE}/{uuid4()}/assign", headers=as_admin(issuer))
    assert (answer.status_code, answer.json()) == (409, problem)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_page_is_asked_for_as_it_was(http: httpx2.AsyncClient, story: Neighbour, issuer: TestIssuer) -> None:
    story.answers = [httpx2.Response(401), httpx2.Response(200, json={"items": [], "next_cursor": None})]
    answer = await http.get(QUEUE, params={"kind": "appeal", "limit": 7}, headers=as_admin(issuer, "readers"))
    assert answer.json() == {"items": [], "next_cursor": None}
    assert dict(story.calls[-1].url.params) == {"kind": "appeal", "limit": "7"}
    assert story.calls[-1].headers["authorization"] == "Bearer token-2"


@pytest.mark.parametrize("trouble", [httpx2.ConnectError("down"), httpx2.Response(500), httpx2.Response(503)])
async def test_a_desk_that_does_not_answer_is_503(
    http: httpx2.AsyncClient, story: Neighbour, issuer: TestIssuer, trouble: httpx2.Response | Exception
) -> None:
    story.answers = [trouble]
    answer = await http.get(QUEUE, headers=as_admin(issuer))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "2"


async def test_who_may_not_moderate_is_refused_here(
    http: httpx2.AsyncClient, story: Neighbour, issuer: TestIssuer
) -> None:
    assert (await http.get(QUEUE, headers={"Authorization": f"Bearer {issuer.reader()}"})).status_code == 403
    for path in ("assign", "decision"):
        url = f"{QUEUE}/{uuid4()}/{path}"
        assert (await http.post(url, json=BLOCK, headers=as_admin(issuer, "readers"))).status_code == 403
        assert (await http.post(url, json=BLOCK)).status_code == 401
    assert story.calls == []
