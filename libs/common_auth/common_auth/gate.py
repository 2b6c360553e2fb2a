"""The access gate: what payment_service says about a person, kept briefly and never past its edge (api.md 6.3)."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import httpx2
import structlog

from common_auth.access import AccessSnapshot
from common_auth.breaker import CircuitBreaker
from common_auth.errors import AccessUnavailable, ServiceTokenUnavailable
from common_auth.service_tokens import ServiceTokens

log = structlog.get_logger("gate")
TIMEOUT_SECONDS = 0.3
_ATTEMPTS = 2
_RETRY_PAUSE = 0.05
_NEGATIVE_TTL = timedelta(seconds=5)
_STALE_IF_ERROR = timedelta(seconds=120)
_LONGEST_TTL = 3600.0
_JITTER = 0.1
_LARGEST = 10_000


@dataclass(frozen=True, slots=True)
class _Entry:
    snapshot: AccessSnapshot
    etag: str
    fetched_at: datetime
    fresh_until: datetime


class AccessGate:
    """Asks payment_service at most once at a time for each person, and remembers.

    Positive answers stay fresh for payment's own ttl (10 % jitter), negative ones for 5 s, none past `next_change_at`.
    While payment is away, the last positive answer serves until 120 s after it was fetched. A call ends after
    `timeout_seconds` and is repeated once; while payment fails, a circuit breaker spares both sides the attempt.
    """

    def __init__(
        self,
        base_url: str,
        tokens: ServiceTokens,
        http: httpx2.AsyncClient,
        now: Callable[[], datetime],
        breaker: CircuitBreaker | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._base_url, self._tokens, self._http, self._now = base_url, tokens, http, now
        self._breaker = breaker or CircuitBreaker()
        self._timeout = timeout_seconds
        self._entries: OrderedDict[UUID, _Entry] = OrderedDict()
        self._flights: dict[UUID, asyncio.Task[AccessSnapshot]] = {}

    async def access(self, user_id: UUID) -> AccessSnapshot:
        """Return what `user_id` may do now. Raises AccessUnavailable."""
        entry = self._entries.get(user_id)
        if entry and self._now() < entry.fresh_until:
            return entry.snapshot
        flight = self._flights.get(user_id)
        if flight is None:
            flight = self._flights[user_id] = asyncio.create_task(self._refresh(user_id, entry))
            flight.add_done_callback(partial(self._land, user_id))
        return await asyncio.shield(flight)

    def invalidate(self, user_id: UUID, version: int) -> None:
        """Forget what is older than `version`: the next call asks anew, and does not wait for a call made before."""
        entry = self._entries.get(user_id)
        if entry and entry.snapshot.version < version:
            del self._entries[user_id]
        if entry is None or entry.snapshot.version < version:
            self._flights.pop(user_id, None)

    def _land(self, user_id: UUID, flight: asyncio.Task[AccessSnapshot]) -> None:
        if self._flights.get(user_id) is flight:
            del self._flights[user_id]
        if not flight.cancelled():
            flight.exception()  # mark it seen: whoever waits raises it

    async def _refresh(self, user_id: UUID, entry: _Entry | None) -> AccessSnapshot:
        try:
            return await self._ask(user_id, entry)
        except (httpx2.HTTPError, TimeoutError, ServiceTokenUnavailable, KeyError, TypeError, ValueError) as error:
            log.warning("payment does not answer", reason=type(error).__name__)
            if entry and self._may_serve_stale(user_id, entry):
                return entry.snapshot
            raise AccessUnavailable from None

    async def _ask(self, user_id: UUID, entry: _Entry | None) -> AccessSnapshot:
        answer = await self._get(user_id, entry.etag if entry else "")
        if entry and answer.status_code == httpx2.codes.NOT_MODIFIED:
            return self._keep(entry.snapshot, entry.etag)
        answer.raise_for_status()
        snapshot = AccessSnapshot.of(answer.json())
        if snapshot.user_id != user_id:
            raise ValueError("an answer about somebody else")
        newest = self._entries.get(user_id)
        if newest and newest.snapshot.version > snapshot.version:
            return newest.snapshot
        return self._keep(snapshot, answer.headers.get("etag", ""))

    async def _get(self, user_id: UUID, etag: str, attempts: int = _ATTEMPTS) -> httpx2.Response:
        """Call payment, and again where it did not answer or did not know our token. Raises what the last call did."""
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
            async with asyncio.timeout(self._timeout):
                answer = await self._http.get(url, headers=headers, timeout=self._timeout, follow_redirects=False)
            succeeded = answer.status_code < httpx2.codes.INTERNAL_SERVER_ERROR
            return answer
        finally:
            self._breaker.record(succeeded=succeeded)

    def _keep(self, snapshot: AccessSnapshot, etag: str) -> AccessSnapshot:
        if self._flights.get(snapshot.user_id) is not asyncio.current_task():
            return snapshot  # asked before a change that we were told of meanwhile
        now = self._now()
        life = timedelta(seconds=min(snapshot.ttl_seconds, _LONGEST_TTL) * random.uniform(1 - _JITTER, 1))
        fresh_until = now + (life if snapshot.entitled else min(life, _NEGATIVE_TTL))
        edge = snapshot.next_change_at
        self._entries[snapshot.user_id] = _Entry(snapshot, etag, now, min(fresh_until, edge) if edge else fresh_until)
        self._entries.move_to_end(snapshot.user_id)
        while len(self._entries) > _LARGEST:
            self._entries.popitem(last=False)
        return snapshot

    def _may_serve_stale(self, user_id: UUID, entry: _Entry) -> bool:
        if self._entries.get(user_id) is not entry or not entry.snapshot.entitled:
            return False
        limit = entry.fetched_at + _STALE_IF_ERROR
        edge = entry.snapshot.next_change_at
        return self._now() < (min(limit, edge) if edge else limit)
