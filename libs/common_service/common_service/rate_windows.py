"""Moving windows: in Redis for all processes together, in this process while Redis is away (ADR 15)."""

import asyncio
import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any, Protocol

import structlog
from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from prometheus_client import CollectorRegistry, Counter, Gauge
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = structlog.get_logger("rate_limit")
_PATIENCE_SECONDS, _COOL_DOWN_SECONDS = 0.25, 5.0
_CONNECTIONS = 16
_QUEUE_SECONDS = 1.0
_MOST_KEYS, _MOST_STAMPS = 10_000, 100_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What a window answered: whether there was room, how much is left, in how many seconds the next unit is free."""

    is_allowed: bool
    remaining: int
    reset_seconds: int


class Windows(Protocol):
    """Counts what each key took within its rate's last seconds."""

    async def take(self, rate: RateLimitItem, key: str, cost: int = 1) -> Taken:
        """Take `cost` units if as many are free, otherwise none."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


class RedisWindows:
    """One list a key in Redis, by `limits`; the clock is the asking process's. Raises RedisError, OSError."""

    def __init__(self, url: str, prefix: str) -> None:
        again = Retry(NoBackoff(), 1)  # a connection from before Redis was restarted
        self._pool = BlockingConnectionPool.from_url(url, max_connections=_CONNECTIONS, timeout=None, retry=again)
        options: dict[str, Any] = {"connection_pool": self._pool}  # documented, and forgotten in the annotation
        storage = RedisStorage("async+redis://", implementation="redispy", key_prefix=prefix, **options)
        self._windows = MovingWindowRateLimiter(storage)

    async def take(self, rate: RateLimitItem, key: str, cost: int = 1) -> Taken:
        """Take from the window that all processes share."""
        is_allowed = await self._windows.hit(rate, key, cost=cost)
        stats = await self._windows.get_window_stats(rate, key)
        return Taken(is_allowed, max(stats.remaining, 0), _whole_seconds(stats.reset_time - time.time()))

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.aclose()


class LocalWindows:
    """Windows of this process, in bounded memory: the key that was silent for longest makes room for a new one.

    `most_stamps` bounds the units remembered over all keys, 8 bytes each. `now` counts seconds and never goes back.
    """

    def __init__(
        self,
        *,
        most_keys: int = _MOST_KEYS,
        most_stamps: int = _MOST_STAMPS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_keys, self._most_stamps, self._now = most_keys, most_stamps, now
        self._windows: OrderedDict[str, array[float]] = OrderedDict()
        self._stamps = 0

    def __len__(self) -> int:
        return len(self._windows)

    async def take(self, rate: RateLimitItem, key: str, cost: int = 1) -> Taken:
        """Take from this process's own window. Never waits."""
        name, now, seconds = rate.key_for(key), self._now(), rate.get_expiry()
        window = self._windows.pop(name, None) or array("d")
        self._windows[name] = window  # now the last to be forgotten
        gone = bisect_right(window, now - seconds)
        del window[:gone]
        is_allowed = len(window) + cost <= rate.amount
        if is_allowed:
            window.extend([now] * cost)
        self._stamps += (cost if is_allowed else 0) - gone
        self._make_room()
        reset = window[0] + seconds - now if window else 0.0
        return Taken(is_allowed, max(rate.amount - len(window), 0), _whole_seconds(reset))

    async def close(self) -> None:
        """Forget everything."""
        self._windows.clear()
        self._stamps = 0

    def _make_room(self) -> None:
        while len(self._windows) > 1 and (
            len(self._windows) > self._most_keys or self._stamps > self._most_stamps or not self._eldest()
        ):
            _, window = self._windows.popitem(last=False)
            self._stamps -= len(window)

    def _eldest(self) -> "array[float]":
        return next(iter(self._windows.values()))


class FallbackWindows:
    """Redis's windows, and this process's own while Redis is away.

    A Redis that does not answer within `patience` seconds is left alone for `cool_down`; then one request tries it
    again, the others do not wait. `rate_limit_local` is 1 meanwhile. Who finds no free connection for `queue` seconds
    goes past a Redis that answers, but too slowly for the crowd. `rate_limit_local_decisions` counts both.
    """

    def __init__(
        self,
        shared: Windows,
        local: Windows,
        registry: CollectorRegistry,
        *,
        patience: float = _PATIENCE_SECONDS,
        queue: float = _QUEUE_SECONDS,
        cool_down: float = _COOL_DOWN_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared, self._local, self._now = shared, local, now
        self._patience, self._queue, self._cool_down = patience, queue, cool_down
        self._away_until: float | None = None
        self._slots = asyncio.Semaphore(_CONNECTIONS)  # so that patience is spent on Redis, not on our own queue
        self._is_local = Gauge(
            "rate_limit_local", "1 while this process limits by itself: Redis is away.", registry=registry
        )
        self._decisions = Counter("rate_limit_local_decisions", "Requests limited without Redis.", registry=registry)

    async def take(self, rate: RateLimitItem, key: str, cost: int = 1) -> Taken:
        """Take from Redis where it answers in time, otherwise from this process's own window."""
        taken = await self._take_shared(rate, key, cost)
        if taken is None:
            self._decisions.inc()
            taken = await self._local.take(rate, key, cost)
        return taken

    async def close(self) -> None:
        """Close both."""
        await self._shared.close()
        await self._local.close()

    async def _take_shared(self, rate: RateLimitItem, key: str, cost: int) -> Taken | None:
        """Take from Redis; None while it is away, or where too many wait for it."""
        try:
            async with asyncio.timeout(self._queue):
                await self._slots.acquire()
        except TimeoutError:
            return None
        try:
            return await self._ask(rate, key, cost)
        finally:
            self._slots.release()

    async def _ask(self, rate: RateLimitItem, key: str, cost: int) -> Taken | None:
        is_trial = self._away_until is not None
        if self._away_until is not None:
            if self._now() < self._away_until:
                return None
            self._away_until = self._now() + self._cool_down  # the others go on without Redis while this one tries
        try:
            async with asyncio.timeout(self._patience):
                taken = await self._shared.take(rate, key, cost)
        except (RedisError, OSError, TimeoutError) as error:
            self._leave(error)
            return None
        if is_trial:
            self._return()
        return taken

    def _leave(self, error: Exception) -> None:
        if self._away_until is None:
            log.warning("rate limits are counted in this process", reason=type(error).__name__)
        self._away_until = self._now() + self._cool_down
        self._is_local.set(1)

    def _return(self) -> None:
        log.warning("rate limits are counted in Redis again")
        self._away_until = None
        self._is_local.set(0)


def _whole_seconds(seconds: float) -> int:
    """Return the first whole second at which the unit is free."""
    return max(ceil(seconds), 0)
