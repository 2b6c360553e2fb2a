"""Verifier and keys together, over HTTP to the issuer: a flood of unknown names, rotation, an issuer that is away."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import orjson
import pytest

from common_auth.errors import KeysUnavailable, TokenInvalid
from common_auth.jwks import JwksCache
from common_auth.testing import ISSUER, JWKS_PATH, WEB_CLIENT, TestIssuer, base64url
from common_auth.tokens import TokenVerifier

pytestmark = pytest.mark.anyio


class Line:
    """The way to an issuer: counts, and can be cut."""

    def __init__(self) -> None:
        self.issuer, self.seconds, self.fetches, self.is_cut = TestIssuer(), 1000.0, 0, False

    async def count(self, _: httpx2.Request) -> None:
        self.fetches += 1
        if self.is_cut:
            raise httpx2.ConnectError("cut")


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
async def verifier(line: Line) -> AsyncIterator[TokenVerifier]:
    transport = httpx2.ASGITransport(line.issuer.app())
    async with httpx2.AsyncClient(transport=transport, event_hooks={"request": [line.count]}) as http:
        keys = JwksCache(f"http://issuer{JWKS_PATH}", http, lambda: line.seconds)
        yield TokenVerifier(keys, issuer=ISSUER, clients=frozenset({WEB_CLIENT}), now=line.issuer.now)


def forged(token: str) -> str:
    header = base64url(orjson.dumps({"alg": "RS256", "kid": str(uuid4())}))
    return header + token[token.index(".") :]


async def refused(verifier: TokenVerifier, token: str) -> int:
    try:
        await verifier.access(token)
    except TokenInvalid:
        return 1
    return 0


@pytest.mark.parametrize("is_cut", [False, True])
async def test_ten_thousand_tokens_of_unknown_keys_cost_one_fetch_and_no_valid_user_notices(
    verifier: TokenVerifier, line: Line, *, is_cut: bool
) -> None:
    valid = line.issuer.reader()
    await verifier.access(valid)
    line.seconds, line.is_cut = 1010.0, is_cut
    for _ in range(10):
        flood = [asyncio.create_task(refused(verifier, forged(valid))) for _ in range(1000)]
        another = line.issuer.reader()
        with pytest.raises(StopIteration):  # a token that was never seen is verified at once: it waits for no fetch
            verifier.access(another).send(None)
        assert sum(await asyncio.gather(*flood)) == 1000
    assert line.fetches == 2  # the one that brought the keys, and one in this cool-down
    line.seconds = 1019.9
    assert await refused(verifier, forged(valid)) == 1
    assert line.fetches == 2
    line.seconds = 1020.0
    assert await refused(verifier, forged(valid)) == 1
    assert line.fetches == 3


async def test_keys_rotate_without_a_restart(verifier: TokenVerifier, line: Line) -> None:
    old = line.issuer.reader()
    await verifier.access(old)
    line.issuer.rotate()
    line.seconds += 11
    for token in (line.issuer.reader(), old):
        await verifier.access(token)
    assert line.fetches == 2


async def test_without_keys_nobody_is_called_a_forger(verifier: TokenVerifier, line: Line) -> None:
    line.is_cut = True
    for _ in range(100):
        with pytest.raises(KeysUnavailable):
            await verifier.access(line.issuer.reader())
    assert line.fetches == 1
