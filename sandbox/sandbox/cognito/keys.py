"""The pool's signing keys: one for access tokens and one for ID tokens, as in Cognito, kept across restarts."""

import base64
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.cognito.clock import Clock
from sandbox.cognito.files import read_json, write_json

RETIRED_KEYS_STAY = timedelta(hours=2)  # longer than any token they signed lives
USES = ("access", "id")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; `retired_at` is when another took its place."""

    kid: str
    use: str
    private: rsa.RSAPrivateKey
    retired_at: datetime | None = None

    def jwk(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        return {
            "alg": "RS256",
            "e": _b64(numbers.e.to_bytes(3)),
            "kid": self.kid,
            "kty": "RSA",
            "n": _b64(numbers.n.to_bytes(256)),
            "use": "sig",
        }


class KeyRing:
    """Signs with the newest key of each use; old ones stay published until their tokens have expired."""

    def __init__(self, path: Path, now: Clock) -> None:
        self._path, self._now, self._lock = path, now, threading.Lock()
        self._keys = [_key_of(raw) for raw in read_json(path, [])]
        if not self._keys:
            self._keys = [_new_key(use) for use in USES]
            self._save()

    def published(self) -> list[SigningKey]:
        """The keys of the JWKS, the signing ones first."""
        oldest = self._now() - RETIRED_KEYS_STAY
        return [key for key in self._keys if key.retired_at is None or key.retired_at > oldest]

    def sign(self, use: str, claims: Mapping[str, Any]) -> str:
        """Make a compact JWS of `claims` with the current key for `use`."""
        key = next(key for key in self._keys if key.use == use and key.retired_at is None)
        head = _b64(orjson.dumps({"kid": key.kid, "alg": "RS256"}))
        signed = f"{head}.{_b64(orjson.dumps(claims))}"
        return f"{signed}.{_b64(key.private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def read(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token that a published key has signed, else None. Says nothing about expiry."""
        try:
            head, body, signature = token.split(".")
            header = orjson.loads(_unb64(head))
            key = next(key for key in self.published() if key.kid == header["kid"] and header["alg"] == "RS256")
            public = key.private.public_key()
            public.verify(_unb64(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
            claims = orjson.loads(_unb64(body))
        except (ValueError, KeyError, TypeError, StopIteration, InvalidSignature):
            return None
        return claims if isinstance(claims, dict) else None

    def rotate(self, *, forget_old: bool = False) -> None:
        """Sign with new keys from now on; `forget_old` plays a leaked key, whose tokens must die at once."""
        with self._lock:
            kept = [] if forget_old else self.published()
            retired = [key if key.retired_at else replace(key, retired_at=self._now()) for key in kept]
            self._keys = [_new_key(use) for use in USES] + retired
            self._save()

    def _save(self) -> None:
        write_json(self._path, [_raw_of(key) for key in self._keys])


def _new_key(use: str) -> SigningKey:
    return SigningKey(str(uuid.uuid4()), use, rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _raw_of(key: SigningKey) -> dict[str, Any]:
    plain = serialization.NoEncryption()
    pem = key.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return {"kid": key.kid, "use": key.use, "retired_at": key.retired_at, "pem": pem.decode()}


def _key_of(raw: dict[str, Any]) -> SigningKey:
    # This ring made the key: checking its primes again would take 30 ms at every start.
    private = serialization.load_pem_private_key(raw["pem"].encode(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("a signing key of the pool is not RSA")
    return SigningKey(raw["kid"], raw["use"], private, raw["retired_at"] and datetime.fromisoformat(raw["retired_at"]))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
