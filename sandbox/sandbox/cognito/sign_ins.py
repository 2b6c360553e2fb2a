"""Sign-ins: a refresh token each, and the tokens made from it for as long as it stands."""

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.cognito.errors import not_authorized
from sandbox.cognito.pool import UserPool
from sandbox.cognito.records import SELF_SERVICE, Grant, User
from sandbox.cognito.tokens import TOKEN_LIFE, TokenMint

API_SCOPES = (SELF_SERVICE,)  # what a sign-in by the API, not by the login page, is given; it brings an ID token too
_REFRESH_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Tokens:
    """One answer's worth of tokens; `refresh` only from a sign-in, `identity` only with the scope openid."""

    access: str
    identity: str | None
    refresh: str | None
    expires_in: int = int(TOKEN_LIFE.total_seconds())


@dataclass(frozen=True, slots=True)
class SignIns:
    """Begins, continues and ends sign-ins."""

    pool: UserPool
    mint: TokenMint

    def begin(
        self, user: User, client_id: str, scopes: tuple[str, ...], signed_in_at: datetime, *, nonce: str | None = None
    ) -> Tokens:
        """Record a sign-in and hand out its tokens."""
        origin, secret = str(uuid.uuid4()), secrets.token_urlsafe(48)
        expires_at = self.pool.now() + _REFRESH_LIFE
        grant = Grant(origin, _hash(secret), user.username, client_id, scopes, signed_in_at, expires_at)
        with self.pool.changing():
            self.pool.grants[origin] = grant
        return self._tokens(user, grant, refresh=f"{origin}.{secret}", nonce=nonce)

    def refresh(self, token: str, client_id: str) -> Tokens:
        """Make new tokens with today's groups. Like Cognito's default, the refresh token itself stays."""
        grant = self._grant(token)
        if grant is None or grant.client_id != client_id:
            raise not_authorized("Invalid Refresh Token")
        user = self.pool.find(grant.username)
        if user is None:
            raise not_authorized("Invalid Refresh Token")
        if not user.enabled:
            raise not_authorized("User is disabled.")
        return self._tokens(user, grant)

    def revoke(self, token: str, client_id: str) -> None:
        """End the sign-in of a refresh token; an unknown one is no error (RFC 7009)."""
        grant = self._grant(token)
        if grant is not None and grant.client_id == client_id:
            with self.pool.changing():
                self.pool.grants.pop(grant.origin_jti, None)

    def person(self, access_token: str, scope: str) -> tuple[User, dict[str, Any]]:
        """Return who calls with an access token that has `scope` and whose sign-in still stands."""
        claims = self.mint.read_access_token(access_token)
        if claims is None or "username" not in claims:
            raise not_authorized("Invalid Access Token")
        user = self.pool.find(claims["username"])
        if user is None or claims["origin_jti"] not in self.pool.grants:
            raise not_authorized("Access Token has been revoked")
        if scope not in claims["scope"].split():
            raise not_authorized("Access Token does not have required scopes")
        return user, claims

    def _grant(self, token: str) -> Grant | None:
        origin, _, secret = token.partition(".")
        grant = self.pool.grants.get(origin)
        if grant is None or not hmac.compare_digest(grant.secret_hash, _hash(secret)):
            return None
        return grant if grant.expires_at > self.pool.now() else None

    def _tokens(self, user: User, grant: Grant, *, refresh: str | None = None, nonce: str | None = None) -> Tokens:
        access = self.mint.access_token(user, grant)
        wants_identity = "openid" in grant.scopes or grant.scopes == API_SCOPES
        return Tokens(access, self.mint.id_token(user, grant, access, nonce) if wants_identity else None, refresh)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
