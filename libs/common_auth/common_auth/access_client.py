"""payment_service's answer about one person, over HTTP (api.md 6.3)."""

import asyncio
import random
from uuid import UUID

import httpx2

from common_auth.access import AccessSnapshot
from common_auth.service_tokens import ServiceTokens
from common_service.breaker import CircuitBreaker

TIMEOUT_SECONDS = 0.3
NOT_ANSWERED = (httpx2.HTTPError, TimeoutError, KeyError, TypeError, ValueError, OverflowError)
"""What `AccessClient.ask` raises where payment gave no answer that makes sense, besides ServiceTokenUnavailable."""
_ATTEMPTS = 2
_RETRY_PAUSE = 0.05


class AccessClient:
    """Asks with this service's token. A call ends after `timeout` seconds and is repeated once, and a circuit breaker
    spares both sides the attempt while payment fails. A token that payment does not know is replaced once.
    """

    def __init__(
        self, base_url: str, tokens: ServiceTokens, http: httpx2.AsyncClient, breaker: CircuitBreaker, timeout: float
    ) -> None:
        self._base_url, self._tokens, self._http = base_url, tokens, http
        self._breaker, self.timeout = breaker, timeout

    async def ask(self, user_id: UUID, etag: str) -> tuple[AccessSnapshot, str] | None:
        """Return the snapshot and its ETag, None where the one named by `etag` still holds.

        Raises one of NOT_ANSWERED, or ServiceTokenUnavailable.
        """
        answer = await self._get(user_id, etag, _ATTEMPTS)
        if etag and answer.status_code == httpx2.codes.NOT_MODIFIED:
            return None
        answer.raise_for_status()
        snapshot = AccessSnapshot.of(answer.json())
        if snapshot.user_id != user_id:
            raise ValueError("an answer about somebody else")
        return snapshot, answer.headers.get("etag", "")

    async def _get(self, user_id: UUID, etag: str, attempts: int) -> httpx2.Response:
        """Call, and again where payment did not answer or did not know our token. Raises what the last call did."""
        url = f"{self._base_url}/internal/v1/access/{user_id}"
        token = await self._tokens.token()
        headers = {"Authorization": f"Bearer {token}"} | ({"If-None-Match": etag} if etag else {})
        try:
            answer = await self._call(url, headers)
        except (httpx2.TransportError, TimeoutError):
            if attempts == 1 or self._breaker.is_open:
                raise
        else:
            if answer.status_code == httpx2.codes.UNAUTHORIZED:
                self._tokens.reject(token)
            elif answer.status_code < httpx2.codes.INTERNAL_SERVER_ERROR:
                return answer
            if attempts == 1 or self._breaker.is_open:
                return answer
        await asyncio.sleep(random.uniform(0, _RETRY_PAUSE))
        return await self._get(user_id, etag, attempts - 1)

    async def _call(self, url: str, headers: dict[str, str]) -> httpx2.Response:
        if not self._breaker.allows():
            raise httpx2.ConnectError("the circuit is open")
        succeeded = False
        try:
            async with asyncio.timeout(self.timeout):
                answer = await self._http.get(url, headers=headers, timeout=self.timeout, follow_redirects=False)
            succeeded = answer.status_code < httpx2.codes.INTERNAL_SERVER_ERROR
            return answer
        finally:
            self._breaker.record(succeeded=succeeded)
