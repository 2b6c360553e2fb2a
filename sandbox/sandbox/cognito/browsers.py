"""The login page's memory of a browser: a cookie for an hour, as managed login has."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from sandbox.cognito.pool import UserPool
from sandbox.cognito.records import BrowserSession, Status, User

_COOKIE = "truecrime-cognito"
_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Browsers:
    """Remembers, recognises and forgets browsers."""

    pool: UserPool

    def remember(self, response: Response, user: User) -> BrowserSession:
        """Set the cookie. Done at sign-up already, so that the right code signs in without the password again."""
        secret, now = secrets.token_urlsafe(32), self.pool.now()
        session = BrowserSession(_hash(secret), user.username, now, now + _LIFE)
        with self.pool.changing():
            self.pool.browsers[session.key] = session
        life = int(_LIFE.total_seconds())
        response.set_cookie(_COOKIE, secret, max_age=life, httponly=True, samesite="lax")
        return session

    def recognise(self, request: Request) -> tuple[User, BrowserSession] | None:
        """Return who signed in with this browser, if they may still."""
        session = self.pool.browsers.get(_hash(request.cookies.get(_COOKIE, "")))
        if session is None or session.expires_at <= self.pool.now():
            return None
        user = self.pool.find(session.username)
        if user is None or not user.enabled or user.status is not Status.CONFIRMED:
            return None
        return user, session

    def forget(self, request: Request, response: Response) -> None:
        with self.pool.changing():
            self.pool.browsers.pop(_hash(request.cookies.get(_COOKIE, "")), None)
        response.delete_cookie(_COOKIE, httponly=True, samesite="lax")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
