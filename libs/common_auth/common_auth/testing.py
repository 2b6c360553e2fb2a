"""For tests: an issuer with its own keys that mints Cognito-shaped tokens, serves its JWKS and rotates its keys."""

import base64
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from fastapi import FastAPI

from common_auth.callers import Callers, Permissions
from common_auth.guests import GuestTokens
from common_auth.tokens import TokenVerifier
from common_service.clock import Clock, utc_now

ISSUER = "https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_Tests"
JWKS_PATH = "/.well-known/jwks.json"
WEB_CLIENT = "web-client"
SERVICE_CLIENT = "service-client"
GUEST_SECRET = "the secret of guests in tests"  # noqa: S105 - of tests
_GUEST_LIFE = timedelta(hours=1)


def _new_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(slots=True)
class TestIssuer:
    """Mints tokens, and is the `Keys` of a verifier at once."""

    __test__ = False  # pytest: not a test

    now: Clock = utc_now
    kid: str = "key-1"
    private_keys: dict[str, RSAPrivateKey] = field(default_factory=lambda: {"key-1": _new_key()})
    guest_secret: str = GUEST_SECRET

    async def key(self, kid: str) -> RSAPublicKey | None:
        """Return the public key of that name."""
        private = self.private_keys.get(kid)
        return private.public_key() if private else None

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one still verifies."""
        self.kid = f"key-{len(self.private_keys) + 1}"
        self.private_keys[self.kid] = _new_key()

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWKS document."""
        return {"keys": [_jwk(kid, key.public_key()) for kid, key in self.private_keys.items()]}

    def app(self) -> FastAPI:
        """Return an application that serves the document of `jwks`, as it is at that moment, at JWKS_PATH."""
        app = FastAPI(openapi_url=None)
        app.get(JWKS_PATH)(self._serve_jwks)
        return app

    async def _serve_jwks(self) -> dict[str, Any]:
        return self.jwks()

    def verifier(self, client: str = WEB_CLIENT) -> TokenVerifier:
        """Return what accepts the tokens of that app client."""
        return TokenVerifier(self, issuer=ISSUER, clients=frozenset({client}), now=self.now)

    def callers(self, permissions: Permissions) -> Callers:
        """Return the dependencies of a service whose callers' groups give `permissions`."""
        return Callers(self.verifier(), self.verifier(SERVICE_CLIENT), permissions, self.guest_tokens())

    def guest_tokens(self) -> GuestTokens:
        """Return what mints and checks the tokens of guests."""
        return GuestTokens(self.guest_secret, now=self.now)

    def guest(self, session_id: UUID, guest_id: UUID | None = None) -> str:
        """Mint the token of a guest for an hour."""
        return self.guest_tokens().mint(session_id, guest_id or uuid4(), self.now() + _GUEST_LIFE)

    def reader(self, user_id: UUID | None = None, *, groups: list[str] | None = None, **claims: Any) -> str:
        """Mint the access token of a person."""
        subject = str(user_id or uuid4())
        payload = {
            "sub": subject,
            "client_id": WEB_CLIENT,
            "username": subject,
            "scope": "openid",
            **self._life("access"),
        }
        return self.sign(payload | ({"cognito:groups": groups} if groups else {}) | claims)

    def service(self, *scopes: str, **claims: Any) -> str:
        """Mint the client-credentials token of a service."""
        payload = {
            "sub": SERVICE_CLIENT,
            "client_id": SERVICE_CLIENT,
            "scope": " ".join(scopes),
            **self._life("access"),
        }
        return self.sign(payload | claims)

    def identity(self, user_id: UUID, email: str, **claims: Any) -> str:
        """Mint an id token."""
        payload = {"sub": str(user_id), "aud": WEB_CLIENT, "email": email, "email_verified": True, **self._life("id")}
        return self.sign(payload | claims)

    def sign(self, payload: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """Sign any payload under any header."""
        head = {"alg": "RS256", "kid": self.kid, "typ": "JWT"} if header is None else header
        return signed_token(orjson.dumps(head), orjson.dumps(payload), self.private_keys[self.kid])

    def _life(self, use: str) -> dict[str, Any]:
        now = int(self.now().timestamp())
        return {"iss": ISSUER, "token_use": use, "iat": now, "exp": now + 3600, "auth_time": now, "jti": str(uuid4())}


def signed_token(header: bytes, payload: bytes, key: RSAPrivateKey, hashed: HashAlgorithm | None = None) -> str:
    """Sign these very bytes as RS256 does, or with another hash: also what no honest issuer would."""
    text = f"{base64url(header)}.{base64url(payload)}"
    return f"{text}.{base64url(key.sign(text.encode(), PKCS1v15(), hashed or SHA256()))}"


def _jwk(kid: str, key: RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"kid": kid, "kty": "RSA", "use": "sig", "alg": "RS256", "n": _number(numbers.n), "e": _number(numbers.e)}


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def base64url(raw: bytes) -> str:
    """Encode as JWS does: without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
