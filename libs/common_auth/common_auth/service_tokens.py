"""This service's own access tokens, by client credentials: one fetch for all who wait, renewed before they end."""

import asyncio
import time
from collections.abc import Callable

import httpx2
import structlog

from common_auth.errors import ServiceTokenUnavailable

log = structlog.get_logger("service_tokens")
_EARLY = 60.0
_COOL_DOWN = 1.0
_TIMEOUT = httpx2.Timeout(2.0, connect=0.5)


class ServiceTokens:
    """Tokens with every scope that Cognito grants this client.

    A token is renewed in the background during its last minute. After a fetch that failed, and after one whose token
    was rejected, nobody asks the issuer again for 1 s.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        http: httpx2.AsyncClient,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._auth = url, httpx2.BasicAuth(client_id, client_secret)
        self._http, self._monotonic = http, monotonic
        self._token, self._fetched_at = "", 0.0
        self._renew_at = self._ends_at = self._quiet_until = 0.0
        self._flight: asyncio.Task[None] | None = None

    async def token(self) -> str:
        """Return a token that is good now. Raises ServiceTokenUnavailable."""
        now = self._monotonic()
        flight = self._start_fetch() if now >= self._renew_at else None
        if now >= self._ends_at:
            if flight is None:
                raise ServiceTokenUnavailable
            await asyncio.shield(flight)
        return self._token

    def reject(self, token: str) -> None:
        """Note that a callee answered 401 to `token`: the next one is fetched anew."""
        if token == self._token:
            self._renew_at = self._ends_at = 0.0
            self._quiet_until = max(self._quiet_until, self._fetched_at + _COOL_DOWN)

    async def headers(self) -> dict[str, str]:
        """Return the header that authenticates a call. Raises ServiceTokenUnavailable."""
        return {"Authorization": f"Bearer {await self.token()}"}

    def _start_fetch(self) -> asyncio.Task[None] | None:
        """Return the fetch under way, or a new one, or None during the cool-down."""
        if self._flight is None or self._flight.done():
            if self._monotonic() < self._quiet_until:
                return None
            self._flight = asyncio.create_task(self._fetch(), name="service-token")
            self._flight.add_done_callback(_mark_seen)
        return self._flight

    async def _fetch(self) -> None:
        try:
            token, life = await self._grant()
        except (httpx2.HTTPError, TimeoutError, ValueError, KeyError, TypeError) as error:
            log.warning("no service token", reason=type(error).__name__)
            self._quiet_until = self._monotonic() + _COOL_DOWN
            raise ServiceTokenUnavailable from None
        self._token, self._fetched_at = token, self._monotonic()
        self._renew_at = self._fetched_at + max(life - _EARLY, life / 2)
        self._ends_at = self._fetched_at + life

    async def _grant(self) -> tuple[str, float]:
        async with asyncio.timeout(_TIMEOUT.read):
            answer = await self._http.post(
                self._url, data={"grant_type": "client_credentials"}, auth=self._auth, timeout=_TIMEOUT
            )
        answer.raise_for_status()
        grant = answer.json()
        token, life = grant["access_token"], float(grant["expires_in"])
        if not (isinstance(token, str) and token and life > 0):
            raise ValueError("not a grant")
        return token, life


def _mark_seen(flight: asyncio.Task[None]) -> None:
    """Whoever waits raises the failure; where nobody waits, it is no news."""
    if not flight.cancelled():
        flight.exception()
