"""The access gate: what payment_service says about a person, kept briefly and never past its edge (api.md 6.3)."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

import httpx2
import structlog

from common_auth.access import AccessSnapshot
from common_auth.access_client import NOT_ANSWERED, TIMEOUT_SECONDS, AccessClient
from common_auth.errors import AccessUnavailable, ServiceTokenUnavailable
from common_auth.kept_access import KeptAccess
from common_auth.service_tokens import ServiceTokens
from common_auth.shared_access import NOTHING, Look, SharedAccess
from common_service.breaker import CircuitBreaker

log = structlog.get_logger("gate")
_LARGEST = 10_000
_LOOK_AGAIN = 0.01


class AccessGate:
    """Asks payment_service at most once at a time for each person, and remembers.

    Positive answers stay fresh for payment's own ttl (10 % jitter), negative ones for 5 s, none past `next_change_at`.
    While payment is away, the last positive answer serves until 120 s after it was fetched. A call ends after
    `timeout_seconds` and is repeated once; while payment fails, a circuit breaker spares both sides the attempt.
    With `shared`, what one process learned serves all, and one of them asks for the others.
    """

    def __init__(
        self,
        base_url: str,
        tokens: ServiceTokens,
        http: httpx2.AsyncClient,
        now: Callable[[], datetime],
        breaker: CircuitBreaker | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        shared: SharedAccess | None = None,
    ) -> None:
        self._client = AccessClient(base_url, tokens, http, breaker or CircuitBreaker(), timeout_seconds)
        self._now, self._timeout, self._shared = now, timeout_seconds, shared
        self._entries: OrderedDict[UUID, KeptAccess] = OrderedDict()
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

    async def _refresh(self, user_id: UUID, entry: KeptAccess | None) -> AccessSnapshot:
        look = await self._look(user_id)
        known = _newer(entry, look.kept)
        if known and known is look.kept and self._now() < known.fresh_until:
            return self._keep(known).snapshot
        kept = None
        try:
            kept = await self._ask(user_id, known)
            return self._keep(kept).snapshot
        except (*NOT_ANSWERED, ServiceTokenUnavailable) as error:
            log.warning("payment does not answer", reason=type(error).__name__)
            if known and self._may_serve_stale(user_id, entry, known):
                return known.snapshot
            raise AccessUnavailable from None
        finally:
            await self._share(user_id, kept, look)

    async def _look(self, user_id: UUID) -> Look:
        """Look what others learned, and for at most one call's time wait for the one who is asking."""
        if self._shared is None:
            return NOTHING
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self._timeout
        while True:
            look = await self._shared.look(user_id, self._now(), 2 * self._timeout)
            is_fresh = look.kept and self._now() < look.kept.fresh_until
            if is_fresh or look.leads or clock() >= ends_at:
                return look
            await asyncio.sleep(_LOOK_AGAIN)

    async def _ask(self, user_id: UUID, known: KeptAccess | None) -> KeptAccess:
        answer = await self._client.ask(user_id, known.etag if known else "")
        if answer is None and known:
            answer = known.snapshot, known.etag
        if answer is None:
            raise ValueError("nothing that could be unchanged")
        return KeptAccess.of(*answer, self._now())

    async def _share(self, user_id: UUID, kept: KeptAccess | None, look: Look) -> None:
        """Tell the other processes what this one keeps, or that one of them may ask."""
        if self._shared is None:
            return
        if kept and self._entries.get(user_id) is kept:
            await self._shared.store(kept, self._now())
        elif look.leads:
            await self._shared.release(user_id)

    def _keep(self, kept: KeptAccess) -> KeptAccess:
        """Remember unless something newer is known, or was announced since this flight began; return the newest."""
        user_id = kept.snapshot.user_id
        newest = self._entries.get(user_id)
        if newest and newest.snapshot.version > kept.snapshot.version and self._now() < newest.outranks_until:
            return newest
        if self._flights.get(user_id) is asyncio.current_task():
            self._entries[user_id] = kept
            self._entries.move_to_end(user_id)
            while len(self._entries) > _LARGEST:
                self._entries.popitem(last=False)
        return kept

    def _may_serve_stale(self, user_id: UUID, entry: KeptAccess | None, known: KeptAccess) -> bool:
        """Tell whether `known` still serves: not revoked since the flight began, and not too old."""
        is_current = self._flights.get(user_id) is asyncio.current_task()
        return is_current and self._entries.get(user_id) is entry and self._now() < known.stale_until


def _newer(one: KeptAccess | None, other: KeptAccess | None) -> KeptAccess | None:
    """Return the one of the higher version, of two equal ones the one fetched last."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda kept: (kept.snapshot.version, kept.fetched_at))
