"""The claims of the pool's tokens, as Cognito writes them."""

import base64
import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.cognito.keys import KeyRing
from sandbox.cognito.pool import UserPool
from sandbox.cognito.records import Client, Grant, User

TOKEN_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TokenMint:
    """Writes and reads the signed tokens of one issuer."""

    issuer: str
    keys: KeyRing
    pool: UserPool

    def access_token(self, user: User, grant: Grant) -> str:
        """A person's access token; it has no `aud`, and no group claim where there are no groups."""
        claims = self._claims(user.username, grant.signed_in_at) | self._groups(user)
        claims |= {"token_use": "access", "client_id": grant.client_id, "scope": " ".join(grant.scopes)}
        claims |= {"username": user.username, "origin_jti": grant.origin_jti, "version": 2}
        return self.keys.sign("access", claims)

    def id_token(self, user: User, grant: Grant, access_token: str, nonce: str | None) -> str:
        """Who signed in, for the web app alone."""
        claims = dict(user.attributes) | self._claims(user.username, grant.signed_in_at) | self._groups(user)
        claims |= {"token_use": "id", "aud": grant.client_id, "cognito:username": user.username}
        claims |= {"email": user.email, "email_verified": user.email_verified, "origin_jti": grant.origin_jti}
        claims["at_hash"] = _half_hash(access_token)
        if nonce:
            claims["nonce"] = nonce
        return self.keys.sign("id", claims)

    def service_token(self, client: Client, scopes: Iterable[str]) -> str:
        """An access token of the client-credentials grant: the subject is the client."""
        claims = self._claims(client.client_id, self.pool.now())
        claims |= {"token_use": "access", "client_id": client.client_id, "scope": " ".join(scopes), "version": 2}
        return self.keys.sign("access", claims)

    def read_access_token(self, token: str) -> dict[str, Any] | None:
        """Return the claims of an access token of this issuer that has not expired, else None."""
        claims = self.keys.read(token)
        if claims is None or (claims["iss"], claims["token_use"]) != (self.issuer, "access"):
            return None
        return claims if claims["exp"] > self.pool.now().timestamp() else None

    def _claims(self, subject: str, auth_time: datetime) -> dict[str, Any]:
        now = self.pool.now()
        return {
            "sub": subject,
            "iss": self.issuer,
            "auth_time": int(auth_time.timestamp()),
            "iat": int(now.timestamp()),
            "exp": int((now + TOKEN_LIFE).timestamp()),
            "jti": str(uuid.uuid4()),
        }

    def _groups(self, user: User) -> dict[str, Any]:
        names = [group.name for group in self.pool.groups_of(user)]
        return {"cognito:groups": names} if names else {}


def _half_hash(token: str) -> str:
    """The at_hash of OpenID Connect: the left half of the token's SHA-256."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()
