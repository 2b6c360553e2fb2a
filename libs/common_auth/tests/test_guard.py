"""`require_access`: which answer of the gate opens a route, and what everybody else is told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import APIRouter, Depends

from common_auth.access import AccessSnapshot
from common_auth.errors import AUTH_PROBLEMS, NOT_ENTITLED, AccessUnavailable
from common_auth.guard import AccessGuard
from common_auth.testing import TestIssuer
from common_service.app import create_service_app
from common_service.problems import ProblemTable

pytestmark = pytest.mark.anyio
USER = uuid4()
CHECKOUT = {"type": "checkout", "href": "/payment/v1/checkout-sessions", "plans": ["pro"]}
PORTAL = {"type": "update_payment_method", "href": "/payment/v1/portal-sessions"}
PRO = AccessSnapshot(
    USER, 7, "active", True, "pro", None, None, {"story.generate": {"kind": "flag", "value": True}}, None, None, 30.0
)
NONE = replace(PRO, entitled=False, plan_code="free", features={})
FREEMIUM = replace(PRO, entitled=False, plan_code="free")


class KnownAccess:
    """A gate that knows one answer."""

    def __init__(self) -> None:
        self.snapshot: AccessSnapshot | None = PRO
        self.asked: list[UUID] = []

    async def access(self, user_id: UUID) -> AccessSnapshot:
        self.asked.append(user_id)
        if self.snapshot is None:
            raise AccessUnavailable
        return self.snapshot


@pytest.fixture
def gate() -> KnownAccess:
    return KnownAccess()


@pytest.fixture
async def http(issuer: TestIssuer, gate: KnownAccess) -> AsyncIterator[httpx2.AsyncClient]:
    guard = AccessGuard(gate, issuer.callers({}), CHECKOUT)
    problems, routes = ProblemTable(AUTH_PROBLEMS), APIRouter()

    @routes.post("/stories", responses=problems.responses(*NOT_ENTITLED))
    async def write(access: Annotated[AccessSnapshot, Depends(guard.require_access("story.generate"))]) -> str:
        return f"{access.user_id} {access.version}"

    async def ready() -> None: ...

    app = create_service_app(title="kit", prefix="/kit", routers=[routes], problems=problems, ready=ready)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kit") as client:
        client.headers["Authorization"] = f"Bearer {issuer.reader(USER)}"
        yield client


async def test_the_route_is_given_the_snapshot(http: httpx2.AsyncClient, gate: KnownAccess) -> None:
    answer = await http.post("/stories")
    assert (answer.status_code, answer.json()) == (200, f"{USER} 7")
    assert gate.asked == [USER]


REFUSED: dict[str, tuple[AccessSnapshot, str, dict[str, Any]]] = {
    "no subscription": (NONE, "subscription_required", CHECKOUT),
    "payment says checkout": (
        replace(NONE, action={"type": "checkout", "href": "/x"}),
        "subscription_required",
        CHECKOUT,
    ),
    "a card that failed": (replace(NONE, action=PORTAL), "subscription_required", PORTAL),
    "a plan without it": (replace(PRO, features={}), "plan_upgrade_required", CHECKOUT),
    "switched off": (
        replace(PRO, features={"story.generate": {"kind": "flag", "value": False}}),
        "plan_upgrade_required",
        CHECKOUT,
    ),
    "no flag": (replace(PRO, features={"story.generate": {"kind": "limit"}}), "plan_upgrade_required", CHECKOUT),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_money_needed_is_402_with_the_way_out(http: httpx2.AsyncClient, gate: KnownAccess, name: str) -> None:
    gate.snapshot, code, action = REFUSED[name]
    answer = await http.post("/stories")
    document = answer.json()
    assert (answer.status_code, document["code"], document["action"]) == (402, code, action)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_when_nobody_can_tell_it_is_503_and_never_402(http: httpx2.AsyncClient, gate: KnownAccess) -> None:
    gate.snapshot = None
    answer = await http.post("/stories")
    assert (answer.status_code, answer.json()["code"]) == (503, "subscription_check_unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_what_the_default_plan_includes_needs_no_subscription(
    http: httpx2.AsyncClient, gate: KnownAccess
) -> None:
    gate.snapshot = FREEMIUM
    assert (await http.post("/stories")).status_code == 200


async def test_a_claim_in_the_token_opens_nothing(
    http: httpx2.AsyncClient, gate: KnownAccess, issuer: TestIssuer
) -> None:
    gate.snapshot = NONE
    token = issuer.reader(USER, scope="story.generate", entitled=True, plan="pro", tier=1)
    assert (await http.post("/stories", headers={"Authorization": f"Bearer {token}"})).status_code == 402


async def test_whoever_is_not_signed_in_is_not_asked_about(
    http: httpx2.AsyncClient, gate: KnownAccess, issuer: TestIssuer
) -> None:
    for value in ("", "Bearer x", f"Bearer {issuer.service('story.generate')}"):
        answer = await http.post("/stories", headers={"Authorization": value})
        assert answer.status_code == 401
    assert gate.asked == []


def test_every_way_to_be_refused_has_a_face() -> None:
    assert set(NOT_ENTITLED) <= set(AUTH_PROBLEMS)
