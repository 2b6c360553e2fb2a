"""Strict verification of Cognito's RS256 tokens, in the order of reliability.md; every failure is the same 401."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from common_auth.errors import TokenExpired, TokenInvalid
from common_auth.jws import Keys, json_object, signed_text, verified_payload

_LEEWAY = 30.0
_LAST_INSTANT = 253_402_300_799  # the end of the year 9999; also ends what is no number or not finite
_REMEMBERED, _REMEMBER_SECONDS = 4096, 60.0
LONGEST_LIFE = 24 * 3600.0  # Cognito lets no access token live longer
_NUMBERS = (int, float)  # and not bool, which is an int to isinstance


class Claims(NamedTuple):
    """What a verified access token says."""

    subject: str
    client_id: str
    groups: tuple[str, ...]
    scopes: frozenset[str]
    expires_at: float
    """Unix time in seconds."""
    username: str
    """Cognito's own name for the person; "" where the token has none."""


class TokenVerifier:
    """Verifies tokens of one issuer for a set of app clients; remembers a verified access token for at most 60 s.

    Memory never outlives `exp` nor a revocation (performance.md, what follows, 6).
    """

    def __init__(self, keys: Keys, *, issuer: str, clients: frozenset[str], now: Callable[[], datetime]) -> None:
        self._keys, self._issuer, self._clients, self._now = keys, issuer, clients, now
        self._known: OrderedDict[bytes, tuple[float, Claims]] = OrderedDict()
        self._revoked: OrderedDict[str, float] = OrderedDict()

    async def access(self, token: str) -> Claims:
        """Return the claims of an access token. Raises TokenInvalid, TokenExpired, KeysUnavailable."""
        signed = signed_text(token)
        instant = self._now().timestamp()
        name = signed[-1]
        remembered = self._known.get(name)
        if remembered and instant < remembered[0]:
            return remembered[1]
        claims = self._accepted(json_object(await verified_payload(self._keys, signed)), instant)
        self._known[name] = (min(claims.expires_at, instant + _REMEMBER_SECONDS), claims)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return claims

    async def identity(self, token: str, *, subject: str) -> dict[str, Any]:
        """Return the payload of the id token of `subject`. Raises TokenInvalid, TokenExpired, KeysUnavailable."""
        payload = json_object(await verified_payload(self._keys, signed_text(token)))
        instant = self._now().timestamp()
        self._check_common(payload, instant)
        audience = payload.get("aud")
        if payload.get("token_use") != "id" or type(audience) is not str or audience not in self._clients:
            raise TokenInvalid("not an id token of ours")
        if payload["sub"] != subject:
            raise TokenInvalid("of another subject")
        _check_unexpired(payload, instant)
        return payload

    def forget(self, subject: str) -> None:
        """Drop what is remembered of a subject's tokens: the next call verifies them anew."""
        for digest in [d for d, (_, claims) in self._known.items() if claims.subject == subject]:
            del self._known[digest]

    def revoke(self, subject: str, at: datetime) -> None:
        """Refuse from now on every token of `subject` that was issued at or before `at`, which has a time zone.

        Cognito issues in whole seconds, so a token of that very second is refused too. The entry is dropped when no
        such token can be unexpired. This process alone learns of it: `Revocations` tells them all.
        """
        self.forget(subject)
        self._revoked[subject] = max(at.timestamp(), self._revoked.pop(subject, 0.0))
        oldest = self._now().timestamp() - LONGEST_LIFE
        for name in [name for name, since in self._revoked.items() if since < oldest]:
            del self._revoked[name]

    def _accepted(self, payload: dict[str, Any], instant: float) -> Claims:
        self._check_common(payload, instant)
        client, scope, groups = payload.get("client_id"), payload.get("scope", ""), payload.get("cognito:groups", [])
        if payload.get("token_use") != "access":
            raise TokenInvalid("not an access token")
        if type(client) is not str or client not in self._clients:
            raise TokenInvalid("another client")
        if type(scope) is not str:
            raise TokenInvalid("a scope that is no text")
        if type(groups) is not list:
            raise TokenInvalid("groups that are no list")
        for group in groups:
            if type(group) is not str:
                raise TokenInvalid("a group that is no text")
        name = payload.get("username", "")
        if type(name) is not str or type(payload.get("jti", "")) is not str or not _is_audience(payload.get("aud", "")):
            raise TokenInvalid("a username, jti or aud of another kind")
        if self._revoked and payload.get("iat", 0) <= self._revoked.get(payload["sub"], -1.0):
            raise TokenInvalid("revoked")
        _check_unexpired(payload, instant)
        return Claims(payload["sub"], client, tuple(groups), _scopes(scope), payload["exp"], name)

    def _check_common(self, payload: dict[str, Any], instant: float) -> None:
        issued, begins, subject = payload.get("iat", 0), payload.get("nbf", 0), payload.get("sub")
        times: tuple[Any, ...] = (payload.get("exp"), issued, begins)
        for time in times:
            if type(time) not in _NUMBERS or not 0 <= time <= _LAST_INSTANT:
                raise TokenInvalid("exp, iat or nbf is no time")
        if payload.get("iss") != self._issuer:
            raise TokenInvalid("another issuer")
        if type(subject) is not str or not subject.strip():
            raise TokenInvalid("no subject")
        if issued > instant + _LEEWAY or begins > instant + _LEEWAY:
            raise TokenInvalid("from the future")


@lru_cache(maxsize=64)  # the tokens of one client name the same scopes
def _scopes(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _is_audience(audience: Any) -> bool:
    """Tell whether it is a text or a list of texts (RFC 7519, 4.1.3); which, is of no account in an access token."""
    return type(audience) is str or (type(audience) is list and all(type(each) is str for each in audience))


def _check_unexpired(payload: dict[str, Any], instant: float) -> None:
    """Come last: only a token that is right in all else is told that it came too late."""
    if payload["exp"] <= instant:
        raise TokenExpired
