"""Events into SNS: one FIFO topic per producing service, message group = partition key (docs/adr/0011-sns-sqs.md)."""

import asyncio
import hashlib
import random
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from common_events.aws_clients import Sns
from common_events.envelope import Envelope

log = structlog.get_logger("events")
_MOST_ENTRIES, _MOST_BYTES = 10, 256 * 1024
_AT_ONCE = 4
_FRUITLESS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_GROUP = re.compile(r"[!-~]{1,128}")
_NOT_XML = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}  # SQS refuses them; JSON can spell them


class PublishFailed(Exception):
    """SNS did not take some events, however often asked: the relay begins again with them."""


class EventTooLarge(PublishFailed):
    """An event and its attributes are more than 256 KiB."""


@dataclass(frozen=True, slots=True)
class _Entry:
    event_id: UUID
    topic: str
    group: str
    body: str
    attributes: Mapping[str, str]
    size: int


class SnsPublisher:
    """Publishes to the topic of each event's source; `topics` holds the ARN for each source that this service has.

    Of one partition key only one event is under way at a time: a batch may fail in part, and what follows an event that
    failed must not arrive before it.
    """

    def __init__(self, sns: Sns, topics: Mapping[str, str]) -> None:
        self._sns, self._topics = sns, topics
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Publish; when this returns, SNS holds them all. Raises PublishFailed, and what boto3 raises."""
        waiting: dict[str, deque[_Entry]] = {}
        for envelope in envelopes:
            entry = self._entry(envelope)
            waiting.setdefault(entry.group, deque()).append(entry)
        fruitless = 0
        while waiting:
            heads = [queue[0] for queue in waiting.values()]
            refused = await self._send(heads)
            for entry in heads:
                if entry.event_id not in refused:
                    waiting[entry.group].popleft()
            waiting = {group: queue for group, queue in waiting.items() if queue}
            fruitless = fruitless + 1 if len(refused) == len(heads) else 0
            if fruitless == _FRUITLESS:
                raise PublishFailed(*sorted(set(refused.values())))
            if refused:
                log.warning("events refused", count=len(refused), codes=sorted(set(refused.values())))
                await asyncio.sleep(random.uniform(0.5, 1) * min(_FIRST_PAUSE * 2**fruitless, _LONGEST_PAUSE))

    async def _send(self, entries: Sequence[_Entry]) -> dict[UUID, str]:
        """Publish entries, all of different groups, and return the code for each that was not taken."""
        batches = list(_batches(entries))
        answers = await asyncio.gather(*(self._publish(batch) for batch in batches), return_exceptions=True)
        refused: dict[UUID, str] = {}
        for batch, answer in zip(batches, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            taken = {int(done["Id"]) for done in answer.get("Successful", ())}
            failed = {int(failure["Id"]): failure for failure in answer.get("Failed", ())}
            for n, entry in enumerate(batch):
                if n not in taken:
                    refused[entry.event_id] = str(failed.get(n, {}).get("Code", "NoAnswer"))
        return refused

    async def _publish(self, batch: Sequence[_Entry]) -> dict[str, Any]:
        async with self._turn:
            return await asyncio.to_thread(
                self._sns.publish_batch,
                TopicArn=batch[0].topic,
                PublishBatchRequestEntries=[_request(n, entry) for n, entry in enumerate(batch)],
            )

    def _entry(self, envelope: Envelope) -> _Entry:
        body = envelope.to_json().decode().translate(_NOT_XML)
        attributes = {"type": envelope.type, "source": envelope.source}
        size = len(body.encode()) + sum(len(f"{name}String{value}".encode()) for name, value in attributes.items())
        if size > _MOST_BYTES:
            raise EventTooLarge(envelope.type, str(envelope.id))
        group = group_of(envelope.source, envelope.partition_key)
        return _Entry(envelope.id, self._topics[envelope.source], group, body, attributes, size)


def group_of(source: str, partition_key: str) -> str:
    """Return the message group: one queue may hold several sources, and a key may be long or hold any letter."""
    group = f"{source}:{partition_key}"
    return group if _GROUP.fullmatch(group) else hashlib.sha256(group.encode()).hexdigest()


def _batches(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    """Part entries into what one PublishBatch takes: one topic, 10 entries, 256 KiB."""
    batch: list[_Entry] = []
    for entry in entries:
        is_full = len(batch) == _MOST_ENTRIES or sum(other.size for other in batch) + entry.size > _MOST_BYTES
        if batch and (is_full or batch[0].topic != entry.topic):
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch


def _request(n: int, entry: _Entry) -> dict[str, Any]:
    return {
        "Id": str(n),
        "Message": entry.body,
        "MessageGroupId": entry.group,
        "MessageDeduplicationId": str(entry.event_id),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in entry.attributes.items()
        },
    }
