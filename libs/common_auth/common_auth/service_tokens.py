"""This service's own access tokens, by client credentials: one fetch for all who wait, renewed before they end."""

import asyncio
import time
from collections.abc import Callable

import httpx2
import structlog

from common_auth.errors import ServiceTokenUnavailable

log = structlog.get_logger("service_tokens")
_EARLY = 60.0
_TIMEOUT = httpx2.Timeout(2.0, connect=0.5)


class ServiceTokens:
    """Tokens with every scope that Cognito grants this client."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        http: httpx2.AsyncClient,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._auth, self._http, self._monotonic = (
            url,
            httpx2.BasicAuth(client_id, client_secret),
            http,
            monotonic,
        )
        self._token, self._good_until = "", 0.0
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """Return a token good for a while yet. Raises ServiceTokenUnavailable."""
        if self._monotonic() < self._good_until:
            return self._token
        async with self._lock:
            if self._monotonic() >= self._good_until:
                await self._fetch()
        return self._token

    def reject(self, token: str) -> None:
        """Note that a callee answered 401 to `token`: the next one is fetched anew."""
        if token == self._token:
            self._good_until = 0.0

    async def headers(self) -> dict[str, str]:
        """Return the header that authenticates a call. Raises ServiceTokenUnavailable."""
        return {"Authorization": f"Bearer {await self.token()}"}

    async def _fetch(self) -> None:
        try:
            answer = await self._http.post(
                self._url, data={"grant_type": "client_credentials"}, auth=self._auth, timeout=_TIMEOUT
            )
            answer.raise_for_status()
            grant = answer.json()
            self._token = grant["access_token"]
            life = float(grant["expires_in"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("no service token", reason=type(error).__name__)
            raise ServiceTokenUnavailable from None
        self._good_until = self._monotonic() + max(life - _EARLY, life / 2)
