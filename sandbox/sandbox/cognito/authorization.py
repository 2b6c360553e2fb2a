"""Authorization requests and their codes: PKCE with S256 always, one exact redirect rule, single use."""

import base64
import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sandbox.cognito.clock import Clock
from sandbox.cognito.errors import OAuthRefused, invalid
from sandbox.cognito.records import Client

_CODE_LIFE = timedelta(minutes=5)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CALLBACK = re.compile(r"http://127\.0\.0\.1:[1-9][0-9]{0,4}/callback")
_SIGNED_OUT = re.compile(r"http://127\.0\.0\.1:[1-9][0-9]{0,4}/?")
_KEPT = ("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge")
_KEPT_HINTS = ("code_challenge_method", "login_hint")


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A checked request of the web app. Without a `challenge` it can open an account, and bring no code.

    `query` repeats the request in the addresses of the pages.
    """

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    state: str | None
    nonce: str | None
    login_hint: str
    query: str

    def answer(self, **parameters: str) -> str:
        """The address that the browser goes back to."""
        state = {"state": self.state} if self.state is not None else {}
        return f"{self.redirect_uri}?{urlencode(parameters | state)}"


def web_client(clients: Mapping[str, Client], client_id: str) -> Client:
    """Return the app client that signs people in; services cannot."""
    client = clients.get(client_id)
    if client is None or client.secret is not None:
        raise invalid(f"No client of this pool signs people in under the name {client_id or '(none)'}.")
    return client


def is_signed_out_address(uri: str) -> bool:
    return _SIGNED_OUT.fullmatch(uri) is not None or _CALLBACK.fullmatch(uri) is not None


def check_redirect(parameters: Mapping[str, str], clients: Mapping[str, Client]) -> Client:
    """Refuse on a page, never by redirect, what would send a browser to an address that is not the client's."""
    client = web_client(clients, parameters.get("client_id", ""))
    if not _CALLBACK.fullmatch(parameters.get("redirect_uri", "")):
        raise invalid("redirect_mismatch: the redirect_uri must be http://127.0.0.1:<port>/callback.")
    return client


def read_request(parameters: Mapping[str, str], client: Client, *, needs_challenge: bool) -> AuthorizationRequest:
    """Check what may be answered to the redirect address; OAuthRefused with the word for it.

    Only the pages before a sign-in (sign-up, confirmation) may be opened without a challenge.
    """
    if parameters.get("response_type") != "code":
        raise OAuthRefused("unsupported_response_type", "only the code flow is open")
    challenge = parameters.get("code_challenge", "")
    is_good = parameters.get("code_challenge_method") == "S256" and _CHALLENGE.fullmatch(challenge)
    if not is_good and (needs_challenge or challenge):
        raise OAuthRefused("invalid_request", "code_challenge with the method S256 is required")
    scopes = tuple(dict.fromkeys(parameters.get("scope", "").split())) or client.scopes
    if not set(scopes) <= set(client.scopes):
        raise OAuthRefused("invalid_scope")
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=parameters["redirect_uri"],
        scopes=scopes,
        challenge=challenge,
        state=parameters.get("state"),
        nonce=parameters.get("nonce"),
        login_hint=parameters.get("login_hint", ""),
        query=urlencode({name: parameters[name] for name in (*_KEPT, *_KEPT_HINTS) if name in parameters}),
    )


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """What a code stands for until it is redeemed."""

    request: AuthorizationRequest
    username: str
    signed_in_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AuthorizationCodes:
    """Codes live in memory: a restart costs five minutes' worth of half-done sign-ins."""

    now: Clock
    _issued: dict[str, IssuedCode] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, request: AuthorizationRequest, username: str, signed_in_at: datetime) -> str:
        """Make a code for a person who has signed in."""
        if not request.challenge:
            raise OAuthRefused("invalid_request", "no code without a challenge")
        code, now = secrets.token_urlsafe(32), self.now()
        with self._lock:
            for old in [old for old, issued in self._issued.items() if issued.expires_at <= now]:
                del self._issued[old]
            self._issued[code] = IssuedCode(request, username, signed_in_at, now + _CODE_LIFE)
        return code

    def redeem(self, code: str, client_id: str, redirect_uri: str, verifier: str) -> IssuedCode:
        """Spend a code, whether or not the rest fits: who tries with a wrong verifier has stolen it."""
        with self._lock:
            issued = self._issued.pop(code, None)
        if issued is None or issued.expires_at <= self.now():
            raise OAuthRefused("invalid_grant")
        request = issued.request
        fits = request.client_id == client_id and request.redirect_uri == redirect_uri
        if not fits or not _proves(verifier, request.challenge):
            raise OAuthRefused("invalid_grant")
        return issued


def _proves(verifier: str, challenge: str) -> bool:
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())
