"""Suspending people as an admin: who may, what is sent on, what comes back, and the line that says who did it."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import orjson
import pytest

from admin_service.api.problems import FACES
from admin_service.api.standing import standing_routes
from admin_service.infrastructure.http_users import HttpUsers
from common_auth.service_tokens import ServiceTokens
from common_auth.testing import TestIssuer
from common_service.app import create_service_app
from common_service.testing import ready
from services.admin_service.tests.test_http_source import Neighbour

pytestmark = pytest.mark.anyio
POLICY = {"admin": frozenset({"users.write"}), "support": frozenset({"users.read"})}
SUSPEND = {"status": "suspended", "until": "2026-12-21T12:00:00Z", "reason": "rude to others"}


@pytest.fixture
def people() -> Neighbour:
    return Neighbour()


@pytest.fixture
async def http(people: Neighbour, issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(people)) as outside:
        tokens = ServiceTokens("http://cognito/oauth2/token", "admin", "secret", outside, lambda: people.seconds)
        users = HttpUsers("http://user/internal/v1/users", tokens, outside)
        routes = [standing_routes(users, issuer.callers(POLICY))]
        app = create_service_app(title="standing", prefix="/admin", routers=routes, problems=FACES, ready=ready)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://admin") as client:
            yield client


def signed_in(issuer: TestIssuer, group: str = "admin") -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.reader(groups=[group])}"}


async def test_a_suspension_is_sent_on_as_the_admins_own_and_noted(
    http: httpx2.AsyncClient, people: Neighbour, issuer: TestIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    user_id, headers = uuid4(), signed_in(issuer)
    standing = {"id": str(user_id), "status": "suspended", "until": None, "reason": "rude to others", "version": 2}
    people.answers = [httpx2.Response(200, json=standing)]
    answer = await http.put(f"/admin/v1/users/{user_id}/status", json=SUSPEND, headers=headers)
    assert (answer.status_code, answer.json()) == (200, standing)
    [sent] = people.calls
    assert (sent.method, sent.url.path) == ("PUT", f"/internal/v1/users/{user_id}/status")
    assert orjson.loads(sent.content) == SUSPEND
    assert sent.headers["x-actor-token"] == headers["Authorization"].removeprefix("Bearer ")
    said = caplog.text
    assert "users.suspend" in said
    assert "rude" not in said


async def test_what_user_service_refuses_is_the_admins_to_read(
    http: httpx2.AsyncClient, people: Neighbour, issuer: TestIssuer
) -> None:
    problem = {"code": "user_leaving", "status": 409}
    people.answers = [httpx2.Response(409, content=orjson.dumps(problem)), httpx2.Response(503)]
    path, active = f"/admin/v1/users/{uuid4()}/status", {"status": "active", "reason": "said sorry"}
    answer = await http.put(path, json=active, headers=signed_in(issuer))
    assert (answer.status_code, answer.json()) == (409, problem)
    away = await http.put(path, json=active, headers=signed_in(issuer))
    assert (away.status_code, away.json()["code"], away.headers["retry-after"]) == (503, "unavailable", "2")


async def test_nobody_else_may_and_nonsense_goes_nowhere(
    http: httpx2.AsyncClient, people: Neighbour, issuer: TestIssuer
) -> None:
    path = f"/admin/v1/users/{uuid4()}/status"
    assert (await http.put(path, json=SUSPEND)).status_code == 401
    assert (await http.put(path, json=SUSPEND, headers=signed_in(issuer, "support"))).status_code == 403
    for wrong in ({"status": "erased"}, {"status": "active"}, SUSPEND | {"until": 5}, SUSPEND | {"reason": "no"}):
        assert (await http.put(path, json=wrong, headers=signed_in(issuer))).status_code == 422
    assert people.calls == []
