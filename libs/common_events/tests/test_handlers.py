"""What is handed over in one call, and what waits; handlers of many over the memory transport."""

from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.backlog import Backlog
from common_events.consumer import RETRY_PAUSES
from common_events.dead_letters import DeadLetters
from common_events.envelope import Envelope
from common_events.handlers import Handling, Many, runs
from common_events.transport import Delivery
from common_service.testing import eventually
from libs.common_events.tests.applying import (
    TABLES,
    World,
    event,
    running,
    until_listed,
)

pytestmark = pytest.mark.anyio


def many(world: World, calls: list[list[int]], *poisonous: int) -> Many:
    async def apply(session: AsyncSession, envelopes: Sequence[Envelope]) -> None:
        calls.append([envelope.aggregate_version for envelope in envelopes])
        for envelope in envelopes:
            await world.handle(session, envelope)
        if set(poisonous) & set(calls[-1]):
            raise ValueError("poison")

    return Many(apply)


async def test_a_handler_of_many_gets_what_came_together_once_and_in_order(world: World) -> None:
    calls: list[list[int]] = []
    sent = [event(n, "ab"[n % 2]) for n in range(6)]
    await world.publisher.publish([*sent[:3], sent[0], *sent[3:], event(9, kind="kit.unknown")])
    async with running(world.consumer(handler=many(world, calls))):
        await world.until("a0", "b1", "a2", "b3", "a4", "b5")
        await world.publisher.publish([sent[5], event(6, "a")])
        await world.until("a0", "b1", "a2", "b3", "a4", "b5", "a6")
    assert calls == [[0, 1, 2, 3, 4, 5], [6]]


async def test_poison_among_many_is_found_and_goes_aside_alone(world: World) -> None:
    calls: list[list[int]] = []

    async def all_others_are_there() -> bool:
        return len(await world.effects()) == 5

    await world.publisher.publish([event(n, "ab"[n % 2]) for n in range(6)])
    async with running(world.consumer(handler=many(world, calls, 1), pauses=(0.01,))):
        await until_listed(world, 1)
        await eventually(all_others_are_there)
    effects = await world.effects()
    assert [[what for what in effects if what[0] == key] for key in "ab"] == [["a0", "a2", "a4"], ["b3", "b5"]]
    assert (calls[0], calls.count([1])) == ([0, 1, 2, 3, 4, 5], 2)
    async with world.database.session() as session:
        [letter] = await DeadLetters(TABLES.dead_letters).listed(session)
    assert (letter.envelope.aggregate_version, letter.attempts) == (1, 2)


def test_a_key_that_failed_waits_for_its_pause_and_others_do_not() -> None:
    backlog = Backlog((600.0, 0.0))
    first, second, other = (Delivery(event(n, key), str(n)) for n, key in ((1, "a"), (2, "a"), (3, "b")))
    assert backlog.failed(first) == 1
    assert (backlog.holds_back(second), backlog.holds_back(other)) == (True, False)
    assert (backlog.due(), backlog.seconds_to_next(), len(backlog)) == (None, 1.0, 2)
    assert backlog.failed(first) == 2
    assert backlog.due() == first
    backlog.settled(first)
    assert backlog.due() == second
    backlog.settled(second)
    assert (backlog.due(), len(backlog)) == (None, 0)


def test_the_pauses_are_those_of_the_design() -> None:
    assert RETRY_PAUSES[1:] == (1.0, 10.0, 60.0, 600.0, 3600.0)


def test_one_call_holds_neighbours_of_one_handler_of_many() -> None:
    async def one(_: AsyncSession, __: Envelope) -> None: ...

    async def several(_: AsyncSession, __: Sequence[Envelope]) -> None: ...

    together, apart = Many(several), Many(several)
    handlers: dict[str, Handling] = {"a": together, "b": together, "c": apart, "d": one}
    parts = [
        (handlers_of, "".join(envelope.type for envelope in envelopes))
        for handlers_of, envelopes in runs([event(n, kind=kind) for n, kind in enumerate("abccddab")], handlers)
    ]
    assert parts == [(together, "ab"), (apart, "cc"), (one, "d"), (one, "d"), (together, "ab")]
