"""Compact RS256 signatures, read strictly, in the order of reliability.md (Tokens).

A general JWT library accepts what its callers forget to forbid; this accepts one kind of token and nothing else.
"""

import binascii
import hashlib
import json
from functools import lru_cache
from typing import Any, Protocol

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from common_auth.errors import TokenInvalid

LONGEST = 16 * 1024
"""How many characters a token may have; a longer one is refused unread."""
_PADDING, _HASHED = PKCS1v15(), Prehashed(SHA256())
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PADS = (b"", b"===", b"==", b"=")
_LAST = (_ALPHABET, b"", _ALPHABET[::16], _ALPHABET[::4])  # what may end a part of 4n, 4n + 1, 4n + 2, 4n + 3 bytes
_FOREIGN = frozenset({"crit", "b64", "zip", "jku", "jwk", "x5u", "x5c"})


class Keys(Protocol):
    """Where the issuer's keys come from."""

    async def key(self, kid: str) -> RSAPublicKey | None:
        """Return the key of that name, None where there is none. Raises KeysUnavailable."""
        ...


SignedText = tuple[bytes, bytes, bytes, bytes]
"""A compact token, not yet believed: what was signed, its SHA-256, the encoded signature, the SHA-256 of the whole."""


def signed_text(token: str) -> SignedText:
    """Split a token at its last dot and hash it, in one pass over its bytes. Raises TokenInvalid."""
    if len(token) > LONGEST:
        raise TokenInvalid("too long")
    try:
        whole = token.encode("ascii")
    except UnicodeEncodeError:
        raise TokenInvalid("not base64url") from None
    text, _, signature = whole.rpartition(b".")
    hashed = hashlib.sha256(text)
    digest = hashed.digest()
    hashed.update(whole[len(text) :])
    return text, digest, signature, hashed.digest()


async def verified_payload(keys: Keys, token: SignedText) -> bytes:
    """Return the payload of a compact RS256 token that one of `keys` signed. Raises TokenInvalid, KeysUnavailable."""
    text, digest, ending, _ = token
    header, dot, body = text.partition(b".")
    if not dot or b"." in body:
        raise TokenInvalid("not three parts")
    kid, payload, signature = _kid(header), decoded(body), decoded(ending)
    key = await keys.key(kid)
    if key is None:
        raise TokenInvalid("an unknown key")
    if len(signature) != (key.key_size + 7) // 8:
        raise TokenInvalid("a signature of another size")
    try:
        key.verify(signature, digest, _PADDING, _HASHED)
    except InvalidSignature:
        raise TokenInvalid("a wrong signature") from None
    return payload


def decoded(part: bytes) -> bytes:
    """Decode strict base64url: no padding, no stray bits, nothing that encodes back to other text.

    Raises TokenInvalid.
    """
    beyond = len(part) % 4
    try:
        raw = binascii.a2b_base64(part.translate(_TO_STANDARD) + _PADS[beyond], strict_mode=True)
    except binascii.Error:
        raise TokenInvalid("not base64url") from None
    if part[-1:] not in _LAST[beyond]:
        raise TokenInvalid("stray bits")
    return raw


def json_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object that names nothing twice and holds no NaN or Infinity. Raises TokenInvalid.

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
    if not isinstance(value, dict):
        raise TokenInvalid("not a JSON object")
    return value


@lru_cache(maxsize=64)  # an issuer writes one header for each of its keys
def _kid(part: bytes) -> str:
    header = json_object(decoded(part))
    if header.get("alg") != "RS256":
        raise TokenInvalid("another algorithm")
    if _FOREIGN & header.keys():
        raise TokenInvalid("a header that asks for trust")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise TokenInvalid("no kid")
    return kid


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name twice")
    return names


def _no_constant(name: str) -> None:
    raise ValueError(name)
