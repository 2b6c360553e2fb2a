"""What a genuine access token says; the corpora of tokens that must not hold start from it."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import httpx2

from common_auth.testing import ISSUER, WEB_CLIENT
from common_service.testing import FixedClock

Ask = Callable[[str], Awaitable[httpx2.Response]]
Corpus = Iterator[tuple[str, str]]
USER = UUID("0195f2a0-7f3e-7cc1-9f55-0d9b8d2f6a11")
NOW = int(FixedClock()().timestamp())
HEAD: dict[str, Any] = {"alg": "RS256", "kid": "key-1"}
BODY: dict[str, Any] = {
    "sub": str(USER),
    "iss": ISSUER,
    "client_id": WEB_CLIENT,
    "token_use": "access",
    "username": "reader",
    "scope": "openid",
    "iat": NOW,
    "exp": NOW + 3600,
}
GONE = object()
"""In place of a member's value: the member is left out."""
