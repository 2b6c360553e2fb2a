"""The issuer's public keys: fetched without blocking, kept, refreshed ahead of time, and never taken on trust."""

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2
import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from common_auth.errors import KeysUnavailable

log = structlog.get_logger("jwks")
_TIMEOUT = httpx2.Timeout(2.0, connect=0.5)
_LARGEST_BODY = 256 * 1024
_UNPACKED = {"Accept-Encoding": "identity"}  # what unpacks to gigabytes is not unpacked
_REFRESH_AFTER = 300.0
_COOL_DOWN = 10.0
_STALE_FOR = 24 * 3600.0
_SMALLEST_MODULUS = 2048


class JwksCache:
    """Keys by `kid` (reliability.md, Tokens).

    An attempt, whether or not it succeeds, starts a cool-down of 10 s; keys older than 5 minutes are refreshed in the
    background; keys serve for 24 h while the issuer is away. A token whose key is known never waits.
    """

    def __init__(self, url: str, http: httpx2.AsyncClient, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url, self._http, self._monotonic = url, http, monotonic
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetched_at = self._attempted_at = -_STALE_FOR
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> RSAPublicKey | None:
        """Return the key named `kid`, or None where the issuer has none. Raises KeysUnavailable when none are held."""
        age = self._monotonic() - self._fetched_at
        held = self._keys.get(kid) if age < _STALE_FOR else None
        if held is not None:
            if age > _REFRESH_AFTER:
                self._start_fetch()
            return held
        if fetching := self._start_fetch():
            await asyncio.shield(fetching)
        if self._monotonic() - self._fetched_at >= _STALE_FOR:
            raise KeysUnavailable
        return self._keys.get(kid)

    def _start_fetch(self) -> asyncio.Task[None] | None:
        """Return the fetch under way, or a new one, or None during the cool-down."""
        if self._fetching and not self._fetching.done():
            return self._fetching
        if self._monotonic() - self._attempted_at < _COOL_DOWN:
            return None
        self._attempted_at = self._monotonic()
        self._fetching = asyncio.create_task(self._fetch(), name="jwks")
        return self._fetching

    async def _fetch(self) -> None:
        try:
            body = await self._read()
            keys = usable_keys(orjson.loads(body))
            if not keys:
                raise ValueError("no usable key")  # those we hold are better than none
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            log.warning("keys not fetched", reason=type(error).__name__)
            return
        self._keys, self._fetched_at = keys, self._monotonic()

    async def _read(self) -> bytes:
        async with (
            asyncio.timeout(_TIMEOUT.read),
            self._http.stream(
                "GET", self._url, headers=_UNPACKED, timeout=_TIMEOUT, follow_redirects=False
            ) as response,
        ):
            if response.status_code != httpx2.codes.OK:
                raise ValueError("not 200")
            body = b""
            async for part in response.aiter_raw():
                body += part
                if len(body) > _LARGEST_BODY:
                    raise ValueError("too large")
            return body


def usable_keys(document: Any) -> dict[str, RSAPublicKey]:
    """Return those keys of a JWKS that may check an RS256 signature. Raises ValueError for what is no JWKS."""
    match document:
        case {"keys": list(entries)}:
            pass
        case _:
            raise ValueError("no list of keys")
    named = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("kid"), str)]
    seen = Counter(entry["kid"] for entry in named)
    return {entry["kid"]: key for entry in named if seen[entry["kid"]] == 1 and (key := _public_key(entry)) is not None}


def _public_key(entry: dict[str, Any]) -> RSAPublicKey | None:
    fits = (
        entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") == "RS256"
        and _may_verify(entry.get("key_ops", ["verify"]))
    )
    if not fits:
        return None
    try:
        modulus, exponent = (_number(entry[name]) for name in ("n", "e"))
        if modulus.bit_length() < _SMALLEST_MODULUS:
            return None
        return RSAPublicNumbers(exponent, modulus).public_key()
    except (KeyError, TypeError, ValueError):
        return None


def _may_verify(operations: object) -> bool:
    return isinstance(operations, list) and "verify" in operations


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
