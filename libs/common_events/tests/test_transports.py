"""What every transport promises, over memory, Redis, and SNS with SQS."""

import asyncio
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from common_events.conformance import Transport
from common_events.envelope import Envelope
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.transport import Delivery, EventsLost, Resumable, Retaining, TransportFull
from common_service.ids import uuid7

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(n: int = 0, source: str = "kit", key: str = "k") -> Envelope:
    return Envelope(uuid7(), "kit.happened", source, 1, None, NOW, key, n, None, None, None, {"n": n})


async def take(subscription: Resumable, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    async with asyncio.timeout(60):
        while len(taken) < count:
            taken += await subscription.receive(wait_seconds=0.05)
    return taken


async def take_and_finish(subscription: Resumable, count: int) -> list[Delivery]:
    """Take what comes only once what came before is acknowledged, too."""
    taken: list[Delivery] = []
    async with asyncio.timeout(60):
        while len(taken) < count:
            more = await subscription.receive(wait_seconds=0.05)
            await subscription.acknowledge(more)
            taken += more
    return taken


def retaining(transport: Transport) -> Retaining:
    publisher = transport.publisher()
    assert isinstance(publisher, Retaining)
    return publisher


def versions(deliveries: list[Delivery]) -> list[int]:
    return [delivery.envelope.aggregate_version for delivery in deliveries]


async def test_events_arrive_whole_and_in_order(transport: Transport) -> None:
    sent = [event(n) for n in range(transport.many)]
    await transport.publisher().publish(sent)
    assert [
        delivery.envelope for delivery in await take_and_finish(transport.subscription("a"), transport.many)
    ] == sent


async def test_every_consumer_gets_every_event_of_every_source(transport: Transport) -> None:
    await transport.publisher().publish([event(1), event(2, source="other"), event(3, source="unheard")])
    for name in ("a", "b"):
        assert sorted(versions(await take(transport.subscription(name), 2))) == [1, 2]


async def test_nothing_to_receive_waits_and_returns_nothing(transport: Transport) -> None:
    subscription = transport.subscription("a")
    assert list(await subscription.receive(wait_seconds=0.05)) == []
    waiting = asyncio.create_task(take(subscription, 1))
    await asyncio.sleep(0.05)
    await transport.publisher().publish([event(1)])
    assert versions(await waiting) == [1]


async def test_what_was_acknowledged_does_not_come_again(transport: Transport) -> None:
    subscription = transport.subscription("a")
    await transport.publisher().publish([event(n) for n in range(3)])
    await subscription.acknowledge(await take(subscription, 3))
    subscription.resume()
    assert list(await subscription.receive(wait_seconds=0.05)) == []


async def test_what_a_dead_process_left_comes_first_and_in_order(transport: Transport) -> None:
    publisher, dead = transport.publisher(), transport.subscription("a")
    await publisher.publish([event(n) for n in range(transport.many)])
    taken = await take(dead, 10)
    await dead.acknowledge([delivery for delivery in taken if delivery.envelope.aggregate_version % 2])
    await transport.die(dead)
    await publisher.publish([event(n) for n in range(transport.many, transport.many + 5)])
    successor = transport.subscription("a")
    found = versions(await take_and_finish(successor, transport.many + 5 - sum(n % 2 for n in range(len(taken)))))
    assert found == sorted(found)
    assert not {n for n in found if n % 2 and n < len(taken)}


async def test_resuming_gives_back_what_was_not_acknowledged(transport: Transport) -> None:
    subscription = transport.subscription("a")
    await transport.publisher().publish([event(n) for n in range(5)])
    taken = await take(subscription, 5)
    await subscription.acknowledge(taken[1:3])
    subscription.resume()
    assert versions(await take(subscription, 3)) == [0, 3, 4]


async def test_only_what_all_consumers_are_done_with_is_finished(losable: Transport) -> None:
    publisher, a, b = retaining(losable), losable.subscription("a"), losable.subscription("b")
    await publisher.open("kit", "r", ["a", "b"])
    assert await publisher.consumers("kit") == {"a", "b"}
    sent = [event(n) for n in range(4)]
    await publisher.publish(sent)
    await a.acknowledge(await take(a, 4))
    assert list((await publisher.finished("kit")).event_ids) == []
    taken = await take(b, 4)
    await b.acknowledge([taken[0], taken[2]])
    finished = await publisher.finished("kit")
    assert list(finished.event_ids) == [sent[0].id]
    await publisher.forget("kit", finished)
    assert list((await publisher.finished("kit")).event_ids) == []
    await b.acknowledge(taken)
    assert list((await publisher.finished("kit")).event_ids) == [sent[1].id, sent[2].id, sent[3].id]


async def test_a_loss_is_noticed_before_anything_is_published_after_it(losable: Transport) -> None:
    publisher = retaining(losable)
    assert not await publisher.is_intact("kit", "r")
    await publisher.open("kit", "r", [])
    await publisher.publish([event(1)])
    assert await publisher.is_intact("kit", "r")
    assert losable.lose
    await losable.lose()
    with pytest.raises(EventsLost):
        await publisher.publish([event(2)])
    assert not await publisher.is_intact("kit", "r")
    await publisher.open("kit", "r", ["a"])
    await publisher.publish([event(3)])
    assert versions(await take(losable.subscription("a"), 1)) == [3]


async def test_a_consumer_goes_on_after_a_loss(losable: Transport) -> None:
    publisher, subscription = retaining(losable), losable.subscription("a")
    await publisher.publish([event(1)])
    await take(subscription, 1)
    assert losable.lose
    await losable.lose()
    assert list(await subscription.receive(wait_seconds=0.05)) == []
    await publisher.publish([event(2)])
    assert versions(await take(subscription, 1)) == [2]


async def test_a_full_stream_refuses_rather_than_drops(redis: Redis) -> None:
    publisher, subscription = RedisPublisher(redis, kept_unread=5), RedisSubscription(redis, "a", ["kit"], "m")
    await publisher.open("kit", "r", ["a"])
    await publisher.publish([event(n) for n in range(5)])
    with pytest.raises(TransportFull):
        await publisher.publish([event(5)])
    assert versions(await take(subscription, 5)) == [0, 1, 2, 3, 4]


async def test_an_unreadable_entry_is_put_aside_and_the_queue_goes_on(redis: Redis) -> None:
    await redis.xadd("events:kit", {"event": "{"})
    await redis.xadd("events:kit", {"event": "{}"})
    await redis.xadd("events:kit", {"other": "x"})
    await RedisPublisher(redis).publish([event(1)])
    subscription = RedisSubscription(redis, "a", ["kit"], "m")
    taken = await take(subscription, 1)
    assert versions(taken) == [1]
    await subscription.acknowledge(taken)
    assert (await redis.xpending("events:kit", "a"))["pending"] == 0
    assert await redis.xlen("events-unreadable") == 3
    publisher = RedisPublisher(redis, kept_ms=-1000)
    finished = await publisher.finished("kit")
    assert list(finished.event_ids) == [taken[0].envelope.id]
    await publisher.forget("kit", finished)
    assert await redis.xlen("events:kit") == 0


async def test_entries_whose_answer_was_lost_are_handed_out_in_their_order(redis: Redis) -> None:
    publisher, subscription = RedisPublisher(redis), RedisSubscription(redis, "a", ["kit"], "m")
    assert list(await subscription.receive(wait_seconds=0.01)) == []
    await publisher.publish([event(1), event(2)])
    await redis.xreadgroup("a", "m", {"events:kit": ">"}, count=1)  # answered into a connection that broke
    assert versions(await take(subscription, 2)) == [1, 2]


async def test_a_consumer_that_is_still_to_come_finds_recent_events(redis: Redis) -> None:
    publisher, early = RedisPublisher(redis), RedisSubscription(redis, "early", ["kit"], "m")
    await publisher.open("kit", "r", [])
    await publisher.publish([event(1)])
    await early.acknowledge(await take(early, 1))
    assert list((await publisher.finished("kit")).event_ids) == []
    assert versions(await take(RedisSubscription(redis, "late", ["kit"], "m"), 1)) == [1]
