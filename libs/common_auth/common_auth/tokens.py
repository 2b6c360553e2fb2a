"""Strict verification of Cognito's RS256 tokens, in the order of reliability.md; every failure is the same 401.

A general JWT library accepts what its callers forget to forbid; this accepts one kind of token and nothing else.
"""

import binascii
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from common_auth.errors import TokenExpired, TokenInvalid

_LONGEST = 16 * 1024
_LEEWAY = 30.0
_LAST_INSTANT = 253_402_300_799  # the end of the year 9999; also ends what is no number or not finite
_REMEMBERED, _REMEMBER_SECONDS = 4096, 60.0
_PADDING, _HASH = PKCS1v15(), SHA256()
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST = (_ALPHABET, "", _ALPHABET[::16], _ALPHABET[::4])  # what may end a part of 4n, 4n + 1, 4n + 2, 4n + 3 characters
_NUMBERS = (int, float)  # and not bool, which is an int to isinstance
_FOREIGN = frozenset({"crit", "b64", "zip", "jku", "jwk", "x5u", "x5c"})


class Keys(Protocol):
    """Where the issuer's keys come from."""

    async def key(self, kid: str) -> RSAPublicKey | None:
        """Return the key of that name, None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says."""

    subject: str
    client_id: str
    groups: tuple[str, ...]
    scopes: frozenset[str]
    expires_at: float
    everything: dict[str, Any]


class TokenVerifier:
    """Verifies tokens of one issuer for a set of app clients; remembers a verified access token for at most 60 s."""

    def __init__(self, keys: Keys, *, issuer: str, clients: frozenset[str], now: Callable[[], datetime]) -> None:
        self._keys, self._issuer, self._clients, self._now = keys, issuer, clients, now
        self._known: OrderedDict[bytes, tuple[float, Claims]] = OrderedDict()

    async def access(self, token: str) -> Claims:
        """Return the claims of an access token. Raises TokenInvalid, TokenExpired, KeysUnavailable."""
        _require(len(token) <= _LONGEST, "too long")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        instant = self._now().timestamp()
        remembered = self._known.get(digest)
        if remembered and instant < remembered[0]:
            return remembered[1]
        payload = _object(await signed_bytes(self._keys, token))
        claims = self._check_access(payload, instant)
        self._known[digest] = (min(claims.expires_at, instant + _REMEMBER_SECONDS), claims)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return claims

    async def identity(self, token: str, *, subject: str) -> dict[str, Any]:
        """Return the payload of the id token of `subject`. Raises TokenInvalid, TokenExpired, KeysUnavailable."""
        payload = _object(await signed_bytes(self._keys, token))
        instant = self._now().timestamp()
        self._check_common(payload, instant)
        audience = payload.get("aud")
        ours = isinstance(audience, str) and audience in self._clients
        _require(payload.get("token_use") == "id" and ours, "not an id token of ours")
        _require(payload["sub"] == subject, "of another subject")
        _require_unexpired(payload, instant)
        return payload

    def forget(self, subject: str) -> None:
        """Drop what is remembered of a subject's tokens."""
        for digest in [d for d, (_, claims) in self._known.items() if claims.subject == subject]:
            del self._known[digest]

    def _check_access(self, payload: dict[str, Any], instant: float) -> Claims:
        self._check_common(payload, instant)
        client, scope = payload.get("client_id"), payload.get("scope", "")
        _require(payload.get("token_use") == "access", "not an access token")
        _require(type(client) is str and client in self._clients, "another client")
        _require(type(scope) is str, "a scope that is no text")
        groups = payload.get("cognito:groups", [])
        _require(type(groups) is list and set(map(type, groups)) <= {str}, "groups that are no list")
        _require_unexpired(payload, instant)
        return Claims(
            payload["sub"], str(client), tuple(groups), frozenset(scope.split()), float(payload["exp"]), payload
        )

    def _check_common(self, payload: dict[str, Any], instant: float) -> None:
        issued, begins = payload.get("iat", 0), payload.get("nbf", 0)
        _require(_is_time(payload.get("exp")), "no expiry")
        _require(_is_time(issued) and _is_time(begins), "iat or nbf is no time")
        _require(payload.get("iss") == self._issuer, "another issuer")
        subject = payload.get("sub")
        _require(isinstance(subject, str) and bool(subject.strip()), "no subject")
        _require(max(issued, begins) <= instant + _LEEWAY, "from the future")


async def signed_bytes(keys: Keys, token: str) -> bytes:
    """Return the payload of a compact RS256 token that one of `keys` signed. Raises TokenInvalid, KeysUnavailable."""
    _require(len(token) <= _LONGEST, "too long")
    parts = token.split(".")
    _require(len(parts) == 3, "not three parts")
    kid, payload, signature = _kid(parts[0]), _decode(parts[1]), _decode(parts[2])
    key = await keys.key(kid)
    if key is None:
        raise TokenInvalid("an unknown key")
    _require(len(signature) == (key.key_size + 7) // 8, "a signature of another size")
    try:
        key.verify(signature, token[: token.rindex(".")].encode(), _PADDING, _HASH)
    except InvalidSignature:
        raise TokenInvalid("a wrong signature") from None
    return payload


@lru_cache(maxsize=64)  # an issuer writes one header for each of its keys
def _kid(part: str) -> str:
    header = _object(_decode(part))
    _require(header.get("alg") == "RS256", "another algorithm")
    _require(not _FOREIGN & header.keys(), "a header that asks for trust")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise TokenInvalid("no kid")
    return kid


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise TokenInvalid(reason)


def _require_unexpired(payload: dict[str, Any], instant: float) -> None:
    """Come last: only a token that is right in all else is told that it came too late."""
    if payload["exp"] <= instant:
        raise TokenExpired


def _decode(part: str) -> bytes:
    """Decode strict base64url: no padding, no stray bits, nothing that encodes back to other text."""
    try:
        text = part.encode("ascii").translate(_TO_STANDARD)
        raw = binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        raise TokenInvalid("not base64url") from None
    _require(part[-1:] in _LAST[len(part) % 4], "stray bits")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object that names nothing twice and holds no NaN or Infinity.

    What the quick parser writes back byte for byte, as it does with Cognito's own, cannot have lost a name.
    """
    try:
        quick = orjson.loads(raw)
        if isinstance(quick, dict) and orjson.dumps(quick) == raw:
            return quick
    except ValueError:
        raise TokenInvalid("not a JSON object") from None
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise TokenInvalid("not a JSON object") from None
    _require(isinstance(value, dict), "not a JSON object")
    result: dict[str, Any] = value
    return result


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name twice")
    return names


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _is_time(value: Any) -> bool:
    return type(value) in _NUMBERS and 0 <= value <= _LAST_INSTANT
