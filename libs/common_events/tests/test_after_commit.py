"""Effects outside the database: only of what is committed, outside of its transaction, and never the event's fault."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from common_events.consumer import Consumer
from common_events.envelope import Envelope
from common_events.handlers import AfterCommit
from common_service.testing import eventually
from libs.common_events.tests.applying import World, event, poison, running, until_listed

pytestmark = pytest.mark.anyio
CONNECTIONS_AT_WORK = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
)


class Effects:
    """Notes what it was told, after which `fail` may raise."""

    def __init__(self, world: World, fail: Callable[[Envelope], Awaitable[None] | None] = lambda _: None) -> None:
        self.world, self.fail = world, fail
        self.told: list[int] = []
        self.seen: list[list[str]] = []
        self.open_transactions = 0

    async def __call__(self, envelope: Envelope) -> None:
        self.told.append(envelope.aggregate_version)
        self.seen.append(await self.world.effects())
        async with self.world.database.session() as session:
            self.open_transactions += (await session.execute(CONNECTIONS_AT_WORK)).scalar_one()
        if (waiting := self.fail(envelope)) is not None:
            await waiting

    def consumer(self) -> Consumer:
        return self.world.consumer(handler=AfterCommit(self, self.world.handle), pauses=(0.01, 0.01))


async def test_an_effect_follows_the_commit_and_no_transaction_waits_for_it(world: World) -> None:
    effects = Effects(world)
    await world.publisher.publish([event(n) for n in (1, 2, 3)])
    async with running(effects.consumer()):
        await eventually(lambda: len(effects.told) == 3)  # without a look at the database, which is a transaction too
    assert await world.effects() == ["k1", "k2", "k3"]
    assert effects.told == [1, 2, 3]
    assert all("k1" in seen for seen in effects.seen)
    assert effects.open_transactions == 0


async def test_what_is_rolled_back_has_no_effect(world: World) -> None:
    world.fail = poison("a1")
    effects = Effects(world)
    await world.publisher.publish([event(1, "a"), event(2, "b")])
    async with running(effects.consumer()):
        await until_listed(world, 1)
        await world.until("b2")
    assert effects.told == [2]


async def test_an_effect_that_fails_is_tried_again(world: World) -> None:
    effects = Effects(world)
    failures = iter(range(1))

    def fail(_: Envelope) -> None:
        for _failure in failures:
            raise ConnectionError

    effects.fail = fail
    await world.publisher.publish([event(1)])
    async with running(effects.consumer()):
        await world.until("k1")
    assert effects.told == [1, 1]


async def test_an_effect_that_fails_for_good_undoes_nothing_and_comes_no_more(world: World) -> None:
    def fail(envelope: Envelope) -> None:
        if envelope.aggregate_version == 1:
            raise ConnectionError

    effects = Effects(world, fail)
    await world.publisher.publish([event(1), event(2)])
    async with running(effects.consumer()):
        await world.until("k1", "k2")
        await world.publisher.publish([event(3)])
        await world.until("k1", "k2", "k3")
    assert effects.told == [1, 1, 1, 2, 3]
    await until_listed(world, 0)


async def test_a_process_that_dies_before_the_effect_leaves_it_to_the_next(world: World) -> None:
    began = asyncio.Event()

    async def linger(_: Envelope) -> None:
        began.set()
        await asyncio.Event().wait()

    dying = Effects(world, linger)
    await world.publisher.publish([event(1)])
    task = asyncio.create_task(dying.consumer().run(asyncio.Event()))
    await began.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    effects = Effects(world)
    async with running(effects.consumer()):
        await eventually(lambda: effects.told)
        await world.until("k1")
    assert (effects.told, world.calls) == ([1], 1)


async def test_an_effect_may_be_all_there_is(world: World) -> None:
    effects = Effects(world)
    await world.publisher.publish([event(1), event(2, kind="kit.unknown")])
    async with running(world.consumer(handler=AfterCommit(effects))):
        await eventually(lambda: effects.told)
    assert (effects.told, await world.effects()) == ([1], [])
