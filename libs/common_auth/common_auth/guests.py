"""Guests of one collaboration session: tokens that the service which owns the sessions mints and checks itself.

A token is 96 characters of base64url over 72 bytes: session, guest, expiry, and HMAC-SHA256 over these under a key that
is derived for this purpose alone. There is no header, no algorithm to choose and nothing to parse, hence nothing to
argue about. It names no person and opens one session; whether the guest still belongs to it, the session's owner knows.
"""

import hashlib
import hmac
import struct
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from common_auth.errors import TokenExpired, TokenInvalid
from common_auth.jws import decoded

_PURPOSE = b"truecrime guest token 1\0"
_BODY = struct.Struct(">16s16sQ")
_LENGTH = (_BODY.size + hashlib.sha256().digest_size) * 4 // 3
_SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody without an account, in one collaboration session."""

    guest_id: UUID
    session_id: UUID
    expires_at: datetime


class GuestTokens:
    """Mints with the first secret and checks with all, so that a secret can be replaced while tokens live."""

    def __init__(self, *secrets: str, now: Callable[[], datetime]) -> None:
        """Raise ValueError for no secret or one under 16 characters: an empty one would verify anybody's token."""
        if not secrets or any(len(secret) < _SHORTEST_SECRET for secret in secrets):
            raise ValueError("a guest token needs a secret of at least 16 characters")
        self._keys = [hashlib.sha256(_PURPOSE + secret.encode()).digest() for secret in secrets]
        self._now = now

    def mint(self, session_id: UUID, guest_id: UUID, expires_at: datetime) -> str:
        """Return the token of a guest until `expires_at`, which has a time zone and counts in whole seconds."""
        body = _BODY.pack(session_id.bytes, guest_id.bytes, int(expires_at.timestamp()))
        return urlsafe_b64encode(body + _mac(self._keys[0], body)).decode()

    def guest(self, token: str) -> Guest:
        """Return whom a token speaks for. Raises TokenInvalid, TokenExpired."""
        if len(token) != _LENGTH or not token.isascii():
            raise TokenInvalid("not the form of a guest token")
        raw = decoded(token.encode())
        body, mac = raw[: _BODY.size], raw[_BODY.size :]
        fits = [hmac.compare_digest(mac, _mac(key, body)) for key in self._keys]  # all, always
        if not any(fits):
            raise TokenInvalid("a wrong signature")
        session, guest, expires_at = _BODY.unpack(body)
        if expires_at <= self._now().timestamp():
            raise TokenExpired
        return Guest(UUID(bytes=guest), UUID(bytes=session), datetime.fromtimestamp(expires_at, UTC))


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")
