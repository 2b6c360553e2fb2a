"""The fetching of sections against services that answer, refuse, stall and talk nonsense."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import pytest

from admin_service.application.ports import SourceUnavailable
from admin_service.infrastructure.http_source import HttpSource
from common_auth.service_tokens import ServiceTokens

pytestmark = pytest.mark.anyio
ANN = uuid4()


class Neighbour:
    """The issuer of service tokens and another service, in one."""

    def __init__(self) -> None:
        self.answers: list[httpx2.Response | Exception] = []
        self.calls: list[httpx2.Request] = []
        self.granted = 0
        self.grants = True
        self.seconds = 0.0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/oauth2/token":
            self.granted += 1
            grant = {"access_token": f"token-{self.granted}", "expires_in": 3600}
            return httpx2.Response(200, json=grant) if self.grants else httpx2.Response(500)
        self.calls.append(request)
        self.seconds += 5  # a token that was fetched just now would not be fetched again
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def neighbour() -> Neighbour:
    return Neighbour()


@pytest.fixture
async def source(neighbour: Neighbour) -> AsyncIterator[HttpSource]:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(neighbour)) as http:
        tokens = ServiceTokens(
            "http://cognito/oauth2/token", "admin-service", "secret", http, lambda: neighbour.seconds
        )
        yield HttpSource("http://user/internal/v1/users", tokens, http)


async def test_the_call_carries_the_services_token_and_the_admins(source: HttpSource, neighbour: Neighbour) -> None:
    neighbour.answers = [httpx2.Response(200, json={"id": str(ANN), "of_tomorrow": [1]})]
    assert await source.of(ANN, "admin-token") == {"id": str(ANN), "of_tomorrow": [1]}
    (call,) = neighbour.calls
    assert str(call.url) == f"http://user/internal/v1/users/{ANN}"
    assert call.headers["authorization"] == "Bearer token-1"
    assert call.headers["x-actor-token"] == "admin-token"


async def test_a_refused_token_is_fetched_anew_once(source: HttpSource, neighbour: Neighbour) -> None:
    neighbour.answers = [httpx2.Response(401), httpx2.Response(200, json={})]
    assert await source.of(ANN, "admin-token") == {}
    assert [call.headers["authorization"] for call in neighbour.calls] == ["Bearer token-1", "Bearer token-2"]


async def test_not_found_is_an_answer(source: HttpSource, neighbour: Neighbour) -> None:
    neighbour.answers = [httpx2.Response(404, json={"code": "not_found"})]
    assert await source.of(ANN, "admin-token") is None


@pytest.mark.parametrize(
    "answers",
    [
        [httpx2.Response(401), httpx2.Response(401)],
        [httpx2.Response(403)],
        [httpx2.Response(500)],
        [httpx2.Response(302, headers={"Location": "http://elsewhere/"})],
        [httpx2.Response(200, text="<html>")],
        [httpx2.Response(200, json=["no object"])],
        [httpx2.ConnectError("gone")],
        [httpx2.ReadTimeout("slow")],
    ],
    ids=str,
)
async def test_everything_else_is_a_missing_section(
    source: HttpSource, neighbour: Neighbour, answers: list[httpx2.Response | Exception]
) -> None:
    neighbour.answers = answers
    with pytest.raises(SourceUnavailable):
        await source.of(ANN, "admin-token")


async def test_without_a_service_token_the_section_is_missing(source: HttpSource, neighbour: Neighbour) -> None:
    neighbour.grants = False
    with pytest.raises(SourceUnavailable):
        await source.of(ANN, "admin-token")
    assert not neighbour.calls
