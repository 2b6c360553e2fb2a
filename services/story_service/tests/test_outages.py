"""Postgres, Redis or payment_service is away under load: nothing is lost or charged twice, and nobody has to help.

STORY_OUTAGE=60 makes it a minute; without it it is a moment.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from common_auth.shared_access import SharedAccess
from common_auth.testing import TestIssuer
from common_service.breaker import CircuitBreaker
from common_service.database import Database
from common_service.ids import uuid7
from common_service.pagination import Cursors
from common_service.rate_limit import local_limits
from common_service.rate_windows import FallbackWindows, LocalWindows, RedisWindows
from common_service.testing import eventually, ready
from libs.common_auth.tests.peers import Payment
from sandbox.servers.ports import free_port
from services.story_service.tests.worlds import CountedWork, World
from story_service.domain.generation import Generation, State
from story_service.domain.ids import GenerationId, UserId
from story_service.domain.usage import STORIES
from story_service.infrastructure.subscriptions import GateSubscriptions
from story_service.settings import Settings
from story_service.wiring.http import assemble

OUTAGE = float(os.environ.get("STORY_OUTAGE", "0.5"))
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120 + 3 * OUTAGE)]
WISH = {"prompt": "A keeper vanishes", "length": "short"}
FEATURES = {
    "story.generate": {"kind": "flag", "value": True},
    "stories.day": {"kind": "limit", "unlimited": True, "window": "day"},
    "tokens.month": {"kind": "limit", "limit": 50_000_000, "window": "period"},
    "concurrent.generations": {"kind": "limit", "limit": 100, "window": "concurrent"},
}
_STALE_SECONDS = 200  # later than an answer of payment_service may serve


class Wire:
    """The way to a server, which can be cut."""

    def __init__(self, url: str) -> None:
        parts, self._port = urlsplit(url), free_port()
        self._far = str(parts.hostname), int(parts.port or 0)
        account = parts.netloc.rpartition("@")
        self.url = urlunsplit(parts._replace(netloc=f"{account[0]}{account[1]}127.0.0.1:{self._port}"))
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)

    async def cut(self) -> None:
        if self._server:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._far)
        self._open.update((writer, far_writer))
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer), return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@dataclass
class Load:
    """Readers who ask for stories and look at what they used, and what they were answered."""

    http: httpx2.AsyncClient
    issuer: TestIssuer
    readers: list[UserId] = field(default_factory=lambda: [UserId(uuid7()) for _ in range(3)])
    asked: list[tuple[UserId, str]] = field(default_factory=list)
    answers: list[httpx2.Response] = field(default_factory=list)
    is_over: bool = False

    async def ask(self, reader: UserId, key: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.issuer.reader(reader)}", "Idempotency-Key": key}
        return await self.http.post("/story/v1/stories", json=WISH, headers=headers)

    async def go_on(self, reader: UserId) -> None:
        own = {"Authorization": f"Bearer {self.issuer.reader(reader)}"}
        while not self.is_over:
            key = f"key-{len(self.asked)}"
            self.asked.append((reader, key))
            self.answers.append(await self.ask(reader, key))
            for _ in range(4):
                self.answers.append(await self.http.get("/story/v1/usage", headers=own))
                await asyncio.sleep(max(0.02, OUTAGE / 40))  # the pace of the load, not a condition

    def count(self, status: int, since: int = 0) -> int:
        return sum(answer.status_code == status for answer in self.answers[since:])


@dataclass
class Platform:
    """The service, and the ways to what it stands on."""

    world: World
    load: Load
    payment: Payment
    wires: dict[str, Wire]

    async def lose(self, what: str) -> None:
        if what in self.wires:
            await self.wires[what].cut()
        else:
            self.payment.answer = self.payment.down
            self.payment.clock.advance(seconds=_STALE_SECONDS)

    async def bring_back(self, what: str) -> None:
        if what in self.wires:
            await self.wires[what].mend()
        else:
            self.payment.answer = self.payment.nothing_special
            self.payment.clock.advance(seconds=10)  # a breaker asks again after five


@pytest.fixture
async def platform(database_url: str, issuer: TestIssuer) -> AsyncIterator[Platform]:
    async with contextlib.AsyncExitStack() as stack:
        wires = {"postgres": Wire(database_url), "redis": Wire(os.environ["TEST_REDIS_URL"])}
        for wire in wires.values():
            await wire.mend()
            stack.push_async_callback(wire.cut)
        payment = Payment()
        payment.changed = {"features": FEATURES}
        peers = await stack.enter_async_context(payment.http())
        redis = Redis.from_url(wires["redis"].url)
        stack.push_async_callback(redis.aclose)
        breaker = CircuitBreaker(lambda: payment.clock().timestamp())
        gate = payment.gate(peers, breaker=breaker, shared=SharedAccess(redis))
        database = Database(wires["postgres"].url, pool_size=10)
        stack.push_async_callback(database.close)
        world = World(lambda: CountedWork(database), gate=GateSubscriptions(gate, ("pro",)))
        stack.push_async_callback(world.engine.runs.drain, 0)
        windows = FallbackWindows(RedisWindows(wires["redis"].url, "rate"), LocalWindows(), CollectorRegistry())
        limits = local_limits(Settings.default_rates, windows)
        stack.push_async_callback(limits.close)
        app = assemble(world.use, issuer.callers({}), Cursors("a secret of the tests"), ready=ready, limits=limits)
        transport = httpx2.ASGITransport(app)
        http = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://story"))
        yield Platform(world, Load(http, issuer), payment, wires)


async def under_load(platform: Platform, what: str) -> int:
    """Lose something and bring it back while readers go on; return how many answers there were before."""
    load = platform.load
    tasks = [asyncio.create_task(load.go_on(reader)) for reader in load.readers]
    await eventually(lambda: load.count(202) >= len(load.readers))
    await platform.lose(what)
    before = len(load.answers)
    await asyncio.sleep(OUTAGE)  # how long it is away
    await eventually(lambda: len(load.answers) > before)
    await platform.bring_back(what)
    after = len(load.answers)
    await eventually(lambda: load.count(202, after) and load.count(200, after))
    load.is_over = True
    await asyncio.gather(*tasks)
    return before


async def ended(world: World, accepted: list[GenerationId]) -> list[Generation]:
    """Let time pass for what was dropped, as sweepers of other processes see it."""
    for _ in range(4):
        await world.engine.runs.drain(30)
        found = [await world.generation(one) for one in accepted]
        if not any(generation.is_open for generation in found):
            break
        world.clock.now += timedelta(seconds=61)
        await world.sweep()
    return found


@pytest.mark.parametrize("what", ["postgres", "redis", "payment"])
async def test_what_is_away_costs_a_while_and_nothing_else(platform: Platform, what: str) -> None:
    before = await under_load(platform, what)
    load, world = platform.load, platform.world
    assert {answer.status_code for answer in load.answers} <= {200, 202, 503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in load.answers if answer.status_code == 503)
    assert (load.count(503, before) > 0) == (what != "redis")
    again = [await load.ask(reader, key) for reader, key in load.asked]
    assert [answer.status_code for answer in again] == [202] * len(load.asked)
    ids = [GenerationId(answer.json()["generation"]["id"]) for answer in again]
    assert len(set(ids)) == len(load.asked)
    generations = await ended(world, ids)
    assert not any(generation.is_open for generation in generations)
    for reader in load.readers:
        assert (await world.use.ledger.verify(reader)).is_sound
        succeeded = [one for one in generations if one.user_id == reader and one.state is State.SUCCEEDED]
        [stories] = [one.now for one in (await world.use.usage(reader)).meters if one.meter == STORIES]
        assert (stories.reserved, stories.settled) == (0, len(succeeded))
