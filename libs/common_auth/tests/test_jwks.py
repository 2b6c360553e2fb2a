"""The keys under every weather of the issuer: floods, rotation, outages, odd documents. Time is an argument."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from common_auth.errors import KeysUnavailable
from common_auth.jwks import JwksCache, usable_keys
from common_auth.testing import TestIssuer, base64url

pytestmark = pytest.mark.anyio
URL = "http://issuer/jwks"
FIRST_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class World:
    """An issuer that does what the test says, and a clock."""

    def __init__(self) -> None:
        self.issuer, self.time, self.fetches = TestIssuer(private_keys={"key-1": FIRST_KEY}), 0.0, 0
        self.answer: Callable[[], Awaitable[Response]] = self.good
        self.seen: Request | None = None

    def monotonic(self) -> float:
        return self.time

    async def good(self) -> Response:
        return Response(orjson.dumps(self.issuer.jwks()))

    async def down(self) -> Response:
        return Response(status_code=503)

    async def serve(self, request: Request) -> Response:
        self.fetches += 1
        self.seen = request
        return await self.answer()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def cache(world: World) -> AsyncIterator[JwksCache]:
    app = Starlette(routes=[Route("/jwks", world.serve), Route("/elsewhere", world.serve)])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), follow_redirects=True) as http:
        yield JwksCache(URL, http, world.monotonic)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_first_thousand_callers_share_one_fetch(cache: JwksCache, world: World) -> None:
    keys = await asyncio.gather(*(cache.key("key-1") for _ in range(1000)))
    assert None not in keys
    assert world.fetches == 1


async def test_ten_thousand_unknown_kids_cost_one_fetch_a_cool_down(cache: JwksCache, world: World) -> None:
    await cache.key("key-1")
    for second in range(40):  # 250 a second, for 40 s
        world.time = float(second)
        found = await asyncio.gather(*(cache.key(f"unknown-{second}-{n}") for n in range(250)))
        assert set(found) == {None}
        assert await cache.key("key-1") is not None
    assert world.fetches == 4  # at 0, 10, 20 and 30 s


async def test_a_flood_while_the_issuer_is_down_costs_no_more(cache: JwksCache, world: World) -> None:
    await cache.key("key-1")
    world.answer = world.down
    for second in range(40):
        world.time = float(second)
        assert await cache.key(f"unknown-{second}") is None
        assert await cache.key("key-1") is not None
    assert world.fetches == 4


async def test_without_any_keys_the_caller_is_told_to_come_back(cache: JwksCache, world: World) -> None:
    world.answer = world.down
    for second in range(10):
        world.time = float(second)
        with pytest.raises(KeysUnavailable):
            await cache.key("key-1")
    assert world.fetches == 1
    world.time, world.answer = 10.0, world.good
    assert await cache.key("key-1") is not None


async def test_a_rotated_key_is_found_and_the_old_one_ends_when_the_issuer_drops_it(
    cache: JwksCache, world: World
) -> None:
    await cache.key("key-1")
    world.issuer.rotate()
    world.time = 11.0
    assert await cache.key("key-2") is not None
    assert await cache.key("key-1") is not None
    del world.issuer.private_keys["key-1"]
    world.time = 400.0
    await cache.key("key-2")
    await settle()
    assert await cache.key("key-1") is None


async def test_a_key_that_changed_under_its_name_is_replaced(cache: JwksCache, world: World) -> None:
    old = await cache.key("key-1")
    world.issuer = TestIssuer()
    world.time = 301.0
    assert await cache.key("key-1") == old
    await settle()
    assert await cache.key("key-1") != old


async def test_known_keys_are_refreshed_behind_the_callers_back(cache: JwksCache, world: World) -> None:
    await cache.key("key-1")
    never = asyncio.Event()

    async def hang() -> Response:
        await never.wait()
        return Response()

    world.answer = hang
    world.time = 301.0
    async with asyncio.timeout(0.1):
        for _ in range(1000):
            assert await cache.key("key-1") is not None
    await settle()
    assert world.fetches == 2
    never.set()


async def test_an_issuer_that_never_answers_is_given_up_after_two_seconds(cache: JwksCache, world: World) -> None:
    never = asyncio.Event()

    async def trickle() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            while not never.is_set():
                yield b" "
                await asyncio.sleep(0.05)

        return StreamingResponse(parts())

    world.answer = trickle
    started = asyncio.get_running_loop().time()
    with pytest.raises(KeysUnavailable):
        await cache.key("key-1")
    assert asyncio.get_running_loop().time() - started < 2.5
    never.set()


async def test_keys_serve_for_a_day_without_the_issuer_and_no_longer(cache: JwksCache, world: World) -> None:
    await cache.key("key-1")
    world.answer = world.down
    world.time = 24 * 3600 - 1.0
    assert await cache.key("key-1") is not None
    world.time = 24 * 3600 + 20.0
    with pytest.raises(KeysUnavailable):
        await cache.key("key-1")


async def test_a_caller_who_leaves_does_not_end_the_fetch_of_the_others(cache: JwksCache, world: World) -> None:
    first, second = asyncio.create_task(cache.key("key-1")), asyncio.create_task(cache.key("key-1"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None
    assert world.fetches == 1


BAD_ANSWERS: dict[str, Response] = {
    "a redirect": RedirectResponse("http://issuer/elsewhere"),
    "404": Response(status_code=404),
    "no JSON": Response(b"<html>"),
    "a list": Response(b"[]"),
    "null": Response(b"null"),
    "keys that are no list": Response(b'{"keys": {}}'),
    "no keys": Response(b'{"keys": []}'),
    "no usable keys": Response(b'{"keys": [{"kid": "key-1", "kty": "EC"}]}'),
    "257 KiB": Response(b'{"keys": [' + b" " * (257 * 1024) + b"]}"),
    "deep": Response(b'{"keys": ' + b"[" * 100_000),
    "compressed": Response(b"\x1f\x8b\x08\0\0\0\0\0", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_a_bad_answer_does_not_replace_good_keys(cache: JwksCache, world: World, name: str) -> None:
    await cache.key("key-1")

    async def bad() -> Response:
        return BAD_ANSWERS[name]

    world.answer = bad
    world.time = 301.0
    await cache.key("key-1")
    await settle()
    assert world.fetches == 2
    assert await cache.key("key-1") is not None
    assert world.seen is not None
    assert world.seen.headers["accept-encoding"] == "identity"


def jwk(size: int = 2048, **changed: Any) -> dict[str, Any]:
    numbers = KEYS[size].public_numbers()
    n = base64url(numbers.n.to_bytes(size // 8, "big"))
    fields = {"kid": "a", "kty": "RSA", "use": "sig", "alg": "RS256", "n": n, "e": "AQAB", **changed}
    return {name: value for name, value in fields.items() if value != "absent"}


KEYS = {
    size: rsa.generate_private_key(public_exponent=65537, key_size=size).public_key() for size in (1024, 2048, 3072)
}


@pytest.mark.parametrize(
    "entry",
    [jwk(), jwk(3072), jwk(use="absent", alg="absent"), jwk(key_ops=["verify"]), jwk(key_ops=["sign", "verify"], x=1)],
)
def test_fit_keys_are_used(entry: dict[str, Any]) -> None:
    assert set(usable_keys({"keys": [entry]})) == {"a"}


UNFIT: list[Any] = [
    jwk(1024),
    jwk(kty="EC"),
    jwk(kty="oct", k="c2VjcmV0"),
    jwk(kty="absent"),
    jwk(use="enc"),
    jwk(use=None),
    jwk(alg="RS512"),
    jwk(alg="PS256"),
    jwk(alg=None),
    jwk(key_ops=["encrypt"]),
    jwk(key_ops=[]),
    jwk(key_ops=None),
    jwk(key_ops=7),
    jwk(key_ops="verify"),
    jwk(kid="absent"),
    jwk(kid=None),
    jwk(kid=1),
    jwk(kid=["a"]),
    jwk(kid={}),
    jwk(n="absent"),
    jwk(n=""),
    jwk(n=5),
    jwk(n="\ud800"),
    jwk(n="!!!"),
    jwk(n=base64.b64encode(b"\xff" * 256).decode() + "ä"),
    jwk(e="absent"),
    jwk(e=""),
    jwk(e="AQ"),
    jwk(e="Ag"),
    jwk(e=65537),
    None,
    7,
    "key",
    [],
    {},
]


@pytest.mark.parametrize("entry", UNFIT, ids=range(len(UNFIT)))
def test_odd_keys_are_passed_over_and_do_no_harm_to_the_rest(entry: Any) -> None:
    assert set(usable_keys({"keys": [entry, jwk(kid="good"), entry]})) == {"good"}
    assert usable_keys({"keys": [entry]}) == {}


def test_a_name_that_two_keys_bear_names_neither() -> None:
    assert set(usable_keys({"keys": [jwk(), jwk(3072), jwk(kid="b")]})) == {"b"}


def test_thousands_of_keys_do_not_stop_the_clock() -> None:
    started = time.process_time()
    usable_keys({"keys": [{"kid": str(n), "kty": "x"} for n in range(20_000)]})
    assert time.process_time() - started < 0.5
