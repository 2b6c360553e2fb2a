"""What strict verification adds to the one thing that no verifier can do without: RSA."""

import asyncio
import base64
from argparse import ArgumentParser
from collections.abc import AsyncIterator

import httpx2
import orjson
import uvloop
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from bench.measuring import Figure, in_turn, microseconds, ratio, show
from common_auth.jwks import JwksCache
from common_auth.testing import ISSUER, WEB_CLIENT, TestIssuer
from common_auth.tokens import TokenVerifier
from common_service.clock import utc_now

_TOKENS, _ROUNDS = 100, 150


def _signed(token: str) -> tuple[bytes, bytes]:
    text, _, signature = token.rpartition(".")
    return base64.urlsafe_b64decode(signature + "=="), text.encode()


async def measure() -> list[Figure]:
    """Verify the same tokens by RSA alone, by a verifier that never saw them, and by one that has."""
    issuer = TestIssuer()
    tokens = [issuer.reader(groups=["reader"]) for _ in range(_TOKENS)]
    signed = [_signed(token) for token in tokens]
    document = orjson.dumps(issuer.jwks())

    async def body() -> AsyncIterator[bytes]:
        yield document

    issue = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body()))
    async with httpx2.AsyncClient(transport=issue) as http:
        keys = JwksCache("http://issuer/jwks.json", http)
        key = await keys.key(issuer.kid)
        assert key is not None
        padding, digest = PKCS1v15(), SHA256()

        def verifier() -> TokenVerifier:
            return TokenVerifier(keys, issuer=ISSUER, clients=frozenset({WEB_CLIENT}), now=utc_now)

        known = verifier()

        async def floor() -> None:
            for signature, text in signed:
                key.verify(signature, text, padding, digest)

        async def fresh() -> None:
            newcomer = verifier()
            for token in tokens:
                await newcomer.access(token)

        async def repeated() -> None:
            for token in tokens:
                await known.access(token)

        seconds = await in_turn({"floor": floor, "fresh": fresh, "repeated": repeated}, rounds=_ROUNDS)
    return [
        Figure("RSA verify alone (cryptography)", microseconds(seconds["floor"], _TOKENS), "µs"),
        Figure("fresh token", microseconds(seconds["fresh"], _TOKENS), "µs"),
        Figure("repeated token", microseconds(seconds["repeated"], _TOKENS), "µs"),
        Figure("fresh token / RSA alone", ratio(seconds["fresh"], seconds["floor"]), "x", 1.7),
        Figure("repeated token / RSA alone", ratio(seconds["repeated"], seconds["floor"]), "x", 0.2),
    ]


def main() -> None:
    """Measure and print."""
    ArgumentParser(description=__doc__).parse_args()  # --help tells, and starts nothing
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        show("tokens", runner.run(measure()))


if __name__ == "__main__":
    main()
