"""Targets and the watch over their health: quick while one is down, at the rules' interval while it is up."""

import asyncio
import logging
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from sandbox.alb.rules import HealthCheck

_QUICK = 0.2
_KEEP_ALIVE = 4.0  # below uvicorn's 5 s: a connection is never reused while the target closes it

log = logging.getLogger("alb")


@dataclass(slots=True, eq=False)
class Target:
    name: str
    base: str
    check: HealthCheck
    session: aiohttp.ClientSession
    became_healthy: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = "not checked yet"
    passed: int = 0
    failed: int = 0
    waken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_healthy(self) -> bool:
        return self.became_healthy.is_set()

    def url(self, raw_target: str) -> URL:
        return URL(self.base + raw_target, encoded=True)

    def refused(self) -> None:
        """A request could not connect: stop sending here now, and look again soon."""
        self._turn(healthy=False, reason="connection refused")
        self.waken.set()

    async def watch(self) -> None:
        while True:
            reason = await self._probe()
            self._count(reason)
            self.waken.clear()
            settled = self.is_healthy and self.failed == 0
            try:
                await asyncio.wait_for(self.waken.wait(), self.check.interval if settled else _QUICK)
            except TimeoutError:
                continue
            await asyncio.sleep(_QUICK)

    async def _probe(self) -> str | None:
        """Return why the target is unhealthy, or None."""
        limit = aiohttp.ClientTimeout(total=self.check.timeout)
        try:
            async with self.session.get(self.url(self.check.path), timeout=limit, allow_redirects=False) as answer:
                await answer.read()
        except TimeoutError:
            return "health check timed out"
        except aiohttp.ClientError:
            return "health check got no answer"
        return None if self.check.accepts(answer.status) else f"health check answered {answer.status}"

    def _count(self, reason: str | None) -> None:
        if reason is None:
            self.passed, self.failed = self.passed + 1, 0
            if not self.is_healthy:
                self._turn(healthy=True, reason="")  # as AWS does for a new target: one success is enough
        else:
            self.passed, self.failed = 0, self.failed + 1
            if self.failed >= self.check.unhealthy_threshold or not self.is_healthy:
                self._turn(healthy=False, reason=reason)

    def _turn(self, *, healthy: bool, reason: str) -> None:
        if healthy != self.is_healthy:
            log.warning("target %s is %s%s", self.name, "healthy" if healthy else "unhealthy: ", reason)
        self.reason = reason
        if healthy:
            self.became_healthy.set()
        else:
            self.became_healthy.clear()


def open_target(name: str, base: str, check: HealthCheck, idle_timeout: float) -> Target:
    """One lean client session a target: no cookies, no decompression, no limit but the idle timeout."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=idle_timeout),
        auto_decompress=False,
        skip_auto_headers=["User-Agent", "Accept", "Accept-Encoding", "Content-Type"],
        max_line_size=65536,
        max_field_size=65536,
    )
    return Target(name, base.rstrip("/"), check, session)
