"""What is particular to SNS and SQS: batches that fail in part, time that runs out, what joins topic and queue."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from common_events.aws_clients import Sqs
from common_events.outbox import Fact, SqlOutbox
from common_events.relay import Relay
from common_events.sns import EventTooLarge, PublishFailed, SnsPublisher, group_of
from common_events.sns_sqs import Listener, Topology, ensure_topology
from common_events.sqs import AcknowledgeFailed, Queue, SqsSubscription
from common_events.tables import messaging_tables
from common_events.testing_aws import Aws, lose_the_answer, refuse
from common_events.transport import Delivery
from common_service.database import Database
from common_service.tables import schema_metadata
from libs.common_events.tests.queueing import NOW, event, listening, names, nothing_is_left, take

pytestmark = pytest.mark.anyio


TABLES = messaging_tables(schema_metadata("kit"))


def of_key(key: str, found: Sequence[str]) -> list[str]:
    return [name for name in found if name.startswith(key)]


async def test_an_event_that_was_refused_holds_back_its_key_alone(
    aws: Aws, publisher: SnsPublisher, queue: Queue
) -> None:
    aws.faults["publish_batch"] = [refuse(0), refuse(0, 2), refuse(1, code="Throttled")]
    await publisher.publish([event(n, key) for n in range(4) for key in "abc"])
    found = names(await take(listening(aws, queue), 12))
    assert [of_key(key, found) for key in "abc"] == [[f"{key}{n}" for n in range(4)] for key in "abc"]
    for request in aws.requests("publish_batch"):
        groups = [entry["MessageGroupId"] for entry in request["PublishBatchRequestEntries"]]
        assert len(groups) == len(set(groups))


async def test_an_entry_without_an_answer_counts_as_refused(aws: Aws, publisher: SnsPublisher, queue: Queue) -> None:
    aws.faults["publish_batch"] = [lambda *_: {"Successful": []}]
    await publisher.publish([event(1)])
    assert names(await take(listening(aws, queue), 1)) == ["k1"]


async def test_events_that_are_refused_for_good_are_told_of_and_the_next_attempt_loses_none(
    aws: Aws, publisher: SnsPublisher, queue: Queue
) -> None:
    sent = [event(1), event(2)]
    aws.faults["publish_batch"] = [refuse(0, code="Throttled")] * 5
    with pytest.raises(PublishFailed, match="Throttled"):
        await publisher.publish(sent)
    await publisher.publish(sent)
    assert names(await take(listening(aws, queue), 2)) == ["k1", "k2"]


async def test_an_answer_that_was_lost_repeats_and_inverts_nothing(
    aws: Aws, publisher: SnsPublisher, queue: Queue
) -> None:
    sent = [event(n) for n in range(3)]
    aws.faults["publish_batch"] = [lose_the_answer]
    with pytest.raises(ConnectionError):
        await publisher.publish(sent)
    await publisher.publish(sent)
    assert names(await take(listening(aws, queue), 3)) == ["k0", "k1", "k2"]
    assert await nothing_is_left(aws, queue)


async def test_batches_keep_to_ten_entries_and_256_kib(aws: Aws, publisher: SnsPublisher, queue: Queue) -> None:
    await publisher.publish([event(n, f"s{n:02}") for n in range(23)])
    assert sorted(_sizes(aws)) == [3, 10, 10]
    aws.calls.clear()
    await publisher.publish([event(n, f"l{n}", text="é" * 50_000) for n in range(5)])
    assert sorted(_sizes(aws)) == [1, 2, 2]
    assert len(await take(listening(aws, queue), 28)) == 28


def _sizes(aws: Aws) -> list[int]:
    return [len(request["PublishBatchRequestEntries"]) for request in aws.requests("publish_batch")]


async def test_an_event_too_large_is_named_and_its_text_is_not(publisher: SnsPublisher) -> None:
    large = event(1, text="secret" * 50_000)
    with pytest.raises(EventTooLarge) as caught:
        await publisher.publish([large])
    assert str(large.id) in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_any_text_and_any_key_travel_whole(aws: Aws, publisher: SnsPublisher, queue: Queue) -> None:
    sent = event(1, key="clé " * 60, text="a\x00\x0b\x7f\ufffe\uffff\U0001f50d</x>&")
    await publisher.publish([sent])
    [delivery] = await take(listening(aws, queue), 1)
    assert delivery.envelope == sent
    assert all(len(group_of("kit", key)) <= 128 for key in ("k", "k" * 500, "ключ"))


async def test_a_delete_that_fails_in_part_is_tried_again(aws: Aws, publisher: SnsPublisher, queue: Queue) -> None:
    await publisher.publish([event(n, f"k{n}") for n in range(15)])
    aws.faults["delete_message_batch"] = [refuse(0, 3), refuse(1)]
    assert len(await take(listening(aws, queue), 15)) == 15
    assert await nothing_is_left(aws, queue)


async def test_what_cannot_be_deleted_comes_again(aws: Aws, publisher: SnsPublisher, queue: Queue) -> None:
    await publisher.publish([event(n) for n in range(3)])
    subscription = listening(aws, queue)
    taken = list(await subscription.receive(wait_seconds=2))
    aws.faults["delete_message_batch"] = [refuse(1), *[refuse(0)] * 3]
    with pytest.raises(AcknowledgeFailed):
        await subscription.acknowledge(taken)
    subscription.resume()
    assert names(await take(subscription, 1)) == ["k1"]
    assert await nothing_is_left(aws, queue)


async def test_a_receipt_whose_time_is_over_is_no_failure(aws: Aws, publisher: SnsPublisher, queue: Queue) -> None:
    await publisher.publish([event(1)])
    subscription = listening(aws, queue)
    taken = await subscription.receive(wait_seconds=2)
    aws.faults["delete_message_batch"] = [refuse(0, code="ReceiptHandleIsInvalid", sender=True)]
    await subscription.acknowledge(taken)
    assert names(await take(listening(aws, queue), 1)) == ["k1"]


async def test_a_held_event_stays_hidden_though_a_heartbeat_fails(
    aws: Aws, publisher: SnsPublisher, queue: Queue
) -> None:
    await publisher.publish([event(1)])
    first, second = listening(aws, queue, visibility_seconds=2), listening(aws, queue)
    taken = await first.receive(wait_seconds=2)
    aws.faults["change_message_visibility_batch"] = [_away, refuse(0)]
    for _ in range(8):
        assert list(await second.receive(wait_seconds=0.5)) == []
    await first.acknowledge(taken)
    assert await nothing_is_left(aws, queue)


def _away(*_: Any) -> dict[str, Any]:
    raise ConnectionError("away")


async def test_a_process_that_seems_to_do_nothing_lets_go(aws: Aws, publisher: SnsPublisher, queue: Queue) -> None:
    await publisher.publish([event(1)])
    await listening(aws, queue, abandoned_seconds=0.5).receive(wait_seconds=2)
    assert names(await take(listening(aws, queue), 1)) == ["k1"]


async def test_an_answer_that_comes_late_is_not_lost(aws: Aws, publisher: SnsPublisher, queue: Queue) -> None:
    subscription = listening(aws, queue)
    assert list(await subscription.receive(wait_seconds=0.01)) == []
    await publisher.publish([event(1)])
    late: Sequence[Delivery] = ()
    async with asyncio.timeout(60):
        while not late:  # the poll under way takes it meanwhile
            late = await subscription.receive(wait_seconds=0.01)
    assert names(late) == ["k1"]
    assert [request["WaitTimeSeconds"] for request in aws.requests("receive_message")] == [1]


async def test_a_poll_is_as_long_as_the_caller_waits_and_at_most_20_seconds(topology: Topology) -> None:
    asked: list[int] = []

    class Empty:
        def receive_message(self, **request: Any) -> dict[str, Any]:
            asked.append(request["WaitTimeSeconds"])
            return {}

    for seconds in (0.2, 3, 60):
        queue: Any = Empty()
        await SqsSubscription(queue, topology.queues["a"]).receive(wait_seconds=seconds)
    assert asked == [1, 3, 20]


async def test_what_is_no_event_goes_to_the_dead_letters(aws: Aws, publisher: SnsPublisher, queue: Queue) -> None:
    for n, body in enumerate(("{", "{}")):
        aws.sqs.send_message(
            QueueUrl=queue.url, MessageBody=body, MessageGroupId="kit:k", MessageDeduplicationId=str(n)
        )
    await publisher.publish([event(1)])
    assert names(await take(listening(aws, queue), 1)) == ["k1"]
    assert await nothing_is_left(aws, queue)
    assert _bodies(aws.sqs, queue.dead_letters_url) == ["{", "{}"]


def _bodies(sqs: Sqs, url: str) -> list[str]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
    return [message["Body"] for message in answer.get("Messages", [])]


async def test_an_event_that_nobody_survives_ends_in_the_dead_letters(aws: Aws) -> None:
    topology = ensure_topology(
        aws.sns, aws.sqs, prefix="worn", sources=["kit"], listeners=[Listener("a", ["kit"])], receives=2
    )
    queue, killer = topology.queues["a"], event(1)
    await SnsPublisher(aws.sns, topology.topics).publish([killer, event(2)])
    for _ in range(2):
        subscription = listening(aws, queue)
        assert names(await subscription.receive(wait_seconds=2)) == ["k1", "k2"]
        subscription.close()
        await asyncio.sleep(1.1)
    await listening(aws, queue).receive(wait_seconds=1)
    assert _bodies(aws.sqs, queue.dead_letters_url)[0] == killer.to_json().decode()


async def test_what_sns_has_taken_the_outbox_need_not_keep(
    aws: Aws, publisher: SnsPublisher, queue: Queue, database: Database, database_url: str
) -> None:
    async with database.session() as session:
        await SqlOutbox(session, TABLES).add(*[Fact("kit.happened", "k", n, {}, NOW) for n in range(2)])
        await session.commit()
    stop = asyncio.Event()
    relay = asyncio.create_task(Relay(database_url, schema="kit", source="kit", publisher=publisher).run(stop))
    assert names(await take(listening(aws, queue), 2)) == ["k0", "k1"]
    stop.set()
    await relay
    async with database.session() as session:
        rows = (await session.execute(TABLES.outbox.select())).all()
    assert all(row.published_at and row.consumed_at for row in rows)
