"""What a genuine access token says; the corpora of tokens that must not hold start from it."""

import json
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


def text(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def with_(claims: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {name: value for name, value in {**claims, **changed}.items() if value is not GONE}


async def judged_wrongly(ask: Ask, tokens: dict[str, str]) -> dict[str, str]:
    """Return the answers that are not the one and only 401."""
    wrong = {}
    for name, token in tokens.items():
        answer = await ask(token)
        fits = answer.status_code == 401 and answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        if not fits or answer.json()["detail"] != "The token does not hold.":
            wrong[name] = answer.text
    return wrong
