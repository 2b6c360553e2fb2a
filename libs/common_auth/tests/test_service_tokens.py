"""A service's own tokens: fetched once for all, renewed behind the callers' backs, never begged for in a storm."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from common_auth.errors import ServiceTokenUnavailable
from common_auth.service_tokens import ServiceTokens

pytestmark = pytest.mark.anyio


class World:
    def __init__(self) -> None:
        self.time, self.fetches, self.life = 1000.0, 0, 3600.0
        self.broken: Response | None = None
        self.seen: list[tuple[str, str]] = []

    async def serve(self, request: Request) -> Response:
        self.fetches += 1
        self.seen.append((request.headers["authorization"], (await request.body()).decode()))
        await asyncio.sleep(0)
        return self.broken or JSONResponse({"access_token": f"token-{self.fetches}", "expires_in": self.life})


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def tokens(world: World) -> AsyncIterator[ServiceTokens]:
    app = Starlette(routes=[Route("/token", world.serve, methods=["POST"])])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        yield ServiceTokens("http://issuer/token", "me", "secret", http, lambda: world.time)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_thousand_callers_share_one_fetch(tokens: ServiceTokens, world: World) -> None:
    assert set(await asyncio.gather(*(tokens.token() for _ in range(1000)))) == {"token-1"}
    assert world.seen == [("Basic bWU6c2VjcmV0", "grant_type=client_credentials")]
    assert await tokens.headers() == {"Authorization": "Bearer token-1"}


async def test_in_its_last_minute_a_token_is_renewed_without_anybody_waiting(
    tokens: ServiceTokens, world: World
) -> None:
    await tokens.token()
    world.time += 3539
    assert await tokens.token() == "token-1"
    await settle()
    assert world.fetches == 1
    world.time += 2
    assert await tokens.token() == "token-1"
    await settle()
    assert await tokens.token() == "token-2"


async def test_a_short_token_is_used_for_half_its_life(tokens: ServiceTokens, world: World) -> None:
    world.life = 30.0
    await tokens.token()
    world.time += 14
    await tokens.token()
    assert world.fetches == 1
    world.time += 16
    assert await tokens.token() == "token-2"


async def test_while_the_issuer_fails_the_old_token_serves_to_its_end(tokens: ServiceTokens, world: World) -> None:
    await tokens.token()
    world.broken = Response(status_code=503)
    world.time += 3559
    assert await tokens.token() == "token-1"
    await settle()
    world.time += 41
    with pytest.raises(ServiceTokenUnavailable):
        await tokens.token()


async def test_a_failing_issuer_is_asked_once_a_second_however_many_want_a_token(
    tokens: ServiceTokens, world: World
) -> None:
    world.broken = Response(status_code=500)
    for tenth in range(30):
        world.time = 1000 + tenth / 10
        results = await asyncio.gather(*(tokens.token() for _ in range(100)), return_exceptions=True)
        assert {type(result) for result in results} == {ServiceTokenUnavailable}
    assert world.fetches == 3


async def test_a_rejected_token_is_replaced_once_for_all_who_saw_the_401(tokens: ServiceTokens, world: World) -> None:
    token = await tokens.token()
    world.time += 10
    for _ in range(50):
        tokens.reject(token)
    assert set(await asyncio.gather(*(tokens.token() for _ in range(50)))) == {"token-2"}
    tokens.reject(token)
    assert await tokens.token() == "token-2"


async def test_a_callee_that_rejects_everything_does_not_make_a_storm(tokens: ServiceTokens, world: World) -> None:
    for tenth in range(30):
        world.time = 1000 + tenth / 10
        try:
            tokens.reject(await tokens.token())
        except ServiceTokenUnavailable:
            continue
    assert world.fetches == 3


@pytest.mark.parametrize(
    "answer",
    [
        Response(b"<html>"),
        JSONResponse([]),
        JSONResponse({"expires_in": 3600}),
        JSONResponse({"access_token": "x"}),
        JSONResponse({"access_token": None, "expires_in": 3600}),
        JSONResponse({"access_token": "", "expires_in": 3600}),
        JSONResponse({"access_token": "x", "expires_in": 0}),
        JSONResponse({"access_token": "x", "expires_in": "soon"}),
        Response(b'{"access_token": "x", "expires_in": NaN}'),
        Response(status_code=302, headers={"Location": "http://evil.example/"}),
    ],
)
async def test_an_answer_that_is_no_grant_is_unavailable(tokens: ServiceTokens, world: World, answer: Response) -> None:
    world.broken = answer
    with pytest.raises(ServiceTokenUnavailable):
        await tokens.token()


async def test_a_caller_who_leaves_does_not_end_the_fetch(tokens: ServiceTokens, world: World) -> None:
    first, second = asyncio.create_task(tokens.token()), asyncio.create_task(tokens.token())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "token-1"
    assert world.fetches == 1
