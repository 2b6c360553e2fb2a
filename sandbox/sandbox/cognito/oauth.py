"""The OAuth endpoints without a page: token, revoke, userInfo, and the documents that describe them."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.cognito.authorization import AuthorizationCodes
from sandbox.cognito.errors import OAuthRefused, Refused
from sandbox.cognito.pool import UserPool
from sandbox.cognito.records import Client
from sandbox.cognito.sign_ins import SignIns, Tokens

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OAuth:
    """One method an endpoint, from the form to the JSON answer; refusals are OAuthRefused."""

    pool: UserPool
    sign_ins: SignIns
    codes: AuthorizationCodes

    def token(self, form: Form, authorization: str) -> dict[str, Any]:
        """Answer a token request of one of the three grants."""
        client = self._client(form, authorization)
        grant_type = form.get("grant_type", "")
        if grant_type == "authorization_code":
            return self._for_code(form, client)
        if grant_type == "refresh_token":
            return self._for_refresh_token(form, client)
        if grant_type == "client_credentials":
            return self._for_client(form, client)
        raise OAuthRefused("unsupported_grant_type" if grant_type else "invalid_request")

    def revoke(self, form: Form, authorization: str) -> None:
        """End the sign-in of a refresh token."""
        client = self._client(form, authorization)
        token = form.get("token", "")
        if not token:
            raise OAuthRefused("invalid_request")
        if token.count(".") == 2:
            raise OAuthRefused("unsupported_token_type", "only refresh tokens can be revoked")
        self.sign_ins.revoke(token, client.client_id)

    def user_info(self, authorization: str) -> dict[str, str]:
        """Tell the owner of an access token with the scope openid about themselves; NotAuthorizedException else."""
        kind, _, token = authorization.partition(" ")
        user, claims = self.sign_ins.person(token if kind.lower() == "bearer" else "", "openid")
        scopes = claims["scope"].split()
        about = {"sub": user.username, "username": user.username}
        if "email" in scopes:
            about |= {"email": user.email, "email_verified": str(user.email_verified).lower()}
        return about | (dict(user.attributes) if "profile" in scopes else {})

    def _for_code(self, form: Form, client: Client) -> dict[str, Any]:
        if client.secret is not None:
            raise OAuthRefused("unauthorized_client")
        if not form.get("code") or not form.get("redirect_uri"):
            raise OAuthRefused("invalid_request")
        verifier = form.get("code_verifier", "")
        issued = self.codes.redeem(form["code"], client.client_id, form["redirect_uri"], verifier)
        user = self.pool.find(issued.username)
        if user is None or not user.enabled:
            raise OAuthRefused("invalid_grant")
        request = issued.request
        tokens = self.sign_ins.begin(user, client.client_id, request.scopes, issued.signed_in_at, nonce=request.nonce)
        return _written(tokens)

    def _for_refresh_token(self, form: Form, client: Client) -> dict[str, Any]:
        try:
            return _written(self.sign_ins.refresh(form.get("refresh_token", ""), client.client_id))
        except Refused:
            raise OAuthRefused("invalid_grant") from None

    def _for_client(self, form: Form, client: Client) -> dict[str, Any]:
        if client.secret is None:
            raise OAuthRefused("unauthorized_client")
        scopes = tuple(dict.fromkeys(form.get("scope", "").split())) or client.scopes
        if not set(scopes) <= set(client.scopes):
            raise OAuthRefused("invalid_scope")
        return _written(Tokens(self.sign_ins.mint.service_token(client, scopes), None, None))

    def _client(self, form: Form, authorization: str) -> Client:
        """Authenticate the client: Basic or form where it has a secret, its bare name where it has none."""
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization:
            basic_id, secret = _basic(authorization)
            if client_id not in ("", basic_id):
                raise OAuthRefused("invalid_request")
            client_id = basic_id
        client = self.pool.clients.get(client_id)
        if client is None or not hmac.compare_digest((client.secret or "").encode(), secret.encode()):
            raise OAuthRefused("invalid_client")
        return client


def _basic(authorization: str) -> tuple[str, str]:
    kind, _, encoded = authorization.partition(" ")
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthRefused("invalid_client") from None
    if kind.lower() != "basic" or not colon:
        raise OAuthRefused("invalid_client")
    return client_id, secret


def _written(tokens: Tokens) -> dict[str, Any]:
    parts = {"id_token": tokens.identity, "access_token": tokens.access, "refresh_token": tokens.refresh}
    present: dict[str, Any] = {name: token for name, token in parts.items() if token}
    return present | {"expires_in": tokens.expires_in, "token_type": "Bearer"}


def discovery(issuer: str, base: str) -> dict[str, Any]:
    """The OpenID configuration: keys under the issuer, endpoints on the login domain, as in AWS."""
    return {
        "authorization_endpoint": f"{base}/oauth2/authorize",
        "end_session_endpoint": f"{base}/logout",
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "revocation_endpoint": f"{base}/oauth2/revoke",
        "scopes_supported": ["openid", "email", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint": f"{base}/oauth2/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "userinfo_endpoint": f"{base}/oauth2/userInfo",
    }
