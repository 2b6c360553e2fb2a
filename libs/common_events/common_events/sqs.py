"""Events out of SQS: one FIFO queue per consumer, which hands out a key's next event when the one before is done."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any
from uuid import uuid4

import structlog

from common_events.aws_clients import Sqs
from common_events.envelope import Envelope
from common_events.transport import Delivery

log = structlog.get_logger("events")
_AT_A_CALL = 10
_BATCH = 100
_LONGEST_POLL = 20
_TRIES = 4
_BEATS = 4  # in the time that a message stays hidden: two may fail
_PAUSE = 0.2


class AcknowledgeFailed(Exception):
    """SQS did not delete some messages, however often asked: they come again, and the inbox knows them."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Where a consumer's events are, and where those go that no process outlives."""

    url: str
    dead_letters_url: str


class SqsSubscription:
    """A consumer's queue, for one process at a time.

    What was received stays hidden for `visibility_seconds` at a time, as long as this process is seen to work: for
    `abandoned_seconds` after the last call here. A process that dies lets its events go when the former is over.
    """

    def __init__(
        self, sqs: Sqs, queue: Queue, *, visibility_seconds: int = 30, abandoned_seconds: float = 300.0
    ) -> None:
        self._sqs, self._queue = sqs, queue
        self._visibility, self._abandoned = visibility_seconds, abandoned_seconds
        self._held: dict[str, None] = {}  # receipts, in the order of their arrival
        self._given_back: list[str] = []
        self._poll: asyncio.Task[list[dict[str, Any]]] | None = None
        self._heart: asyncio.Task[None] | None = None
        self._called_at = 0.0

    def resume(self) -> None:
        """Give back what is unfinished, so that it comes again in its order."""
        if self._poll is not None and self._poll.done():
            self._poll = None  # what it took is held, and goes back with the rest
        self._given_back += self._held
        self._held.clear()

    def close(self) -> None:
        """Hold nothing any longer; what is unfinished comes again when its time is over."""
        for task in (self._poll, self._heart):
            if task is not None:
                task.cancel()
        self._poll = self._heart = None
        self._held.clear()

    async def receive(self, *, wait_seconds: float) -> Sequence[Delivery]:
        """Return what is there. Raises what boto3 raises: then `resume`."""
        self._called_at = time.monotonic()
        await self._give_back()
        if self._poll is None:
            self._poll = asyncio.create_task(self._take(min(_LONGEST_POLL, max(1, ceil(wait_seconds)))))
        await asyncio.wait({self._poll}, timeout=wait_seconds)
        if not self._poll.done():
            return []  # SQS waits for whole seconds: the poll goes on, and its answer comes with the next call
        messages, self._poll = self._poll, None
        return [delivery for message in messages.result() if (delivery := await self._delivery(message)) is not None]

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Delete events from the queue. Raises AcknowledgeFailed, and what boto3 raises."""
        self._called_at = time.monotonic()
        left = [delivery.receipt for delivery in deliveries]
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_PAUSE * attempt)
            failed = await self._each(self._sqs.delete_message_batch, left)
            for receipt in left:
                if failed.get(receipt, True):
                    self._held.pop(receipt, None)
            left = [receipt for receipt, is_final in failed.items() if not is_final]
            if not left:
                return
        raise AcknowledgeFailed(len(left))

    async def _take(self, wait: int) -> list[dict[str, Any]]:
        messages = await asyncio.to_thread(self._ask_for_many, wait)
        self._held.update(dict.fromkeys(message["ReceiptHandle"] for message in messages))
        if self._held and self._heart is None:
            self._heart = asyncio.create_task(self._beat())
        return messages

    def _ask_for_many(self, wait: int) -> list[dict[str, Any]]:
        """Wait for the first message, and take along those of other groups that are there already."""
        messages = more = self._ask(wait)
        while len(more) == _AT_A_CALL and len(messages) < _BATCH:
            more = self._ask(0)
            messages = [*messages, *more]
        return messages

    def _ask(self, wait: int) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue.url,
            MaxNumberOfMessages=_AT_A_CALL,
            WaitTimeSeconds=wait,
            VisibilityTimeout=self._visibility,
            ReceiveRequestAttemptId=str(uuid4()),  # boto3's retry of a lost answer gets the same messages
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    async def _delivery(self, message: dict[str, Any]) -> Delivery | None:
        try:
            return Delivery(Envelope.of(message["Body"]), message["ReceiptHandle"])
        except (ValueError, KeyError, TypeError) as error:
            await self._put_aside(message, type(error).__name__)
            return None

    async def _put_aside(self, message: dict[str, Any], reason: str) -> None:
        """Move what is no event to the dead letters, and go on."""
        log.error("unreadable event", queue=self._queue.url, message=message["MessageId"], reason=reason)
        await asyncio.to_thread(
            self._sqs.send_message,
            QueueUrl=self._queue.dead_letters_url,
            MessageBody=message["Body"],
            MessageGroupId="unreadable",
            MessageDeduplicationId=message["MessageId"],
        )
        await self._each(self._sqs.delete_message_batch, [message["ReceiptHandle"]])
        self._held.pop(message["ReceiptHandle"], None)

    async def _give_back(self) -> None:
        if self._given_back:
            await self._each(self._sqs.change_message_visibility_batch, self._given_back, VisibilityTimeout=0)
            self._given_back = []  # what failed comes again when its time is over, and its group waits for it

    async def _beat(self) -> None:
        """Keep what is held hidden from others. A supervising loop: what fails now is tried at the next beat."""
        while self._held and time.monotonic() - self._called_at < self._abandoned:
            await asyncio.sleep(self._visibility / _BEATS)
            try:
                failed = await self._each(
                    self._sqs.change_message_visibility_batch, list(self._held), VisibilityTimeout=self._visibility
                )
            except Exception:
                log.exception("events not held", queue=self._queue.url)
                continue
            for receipt, is_final in failed.items():
                if is_final:  # deleted meanwhile, or the time was over: it comes again
                    self._held.pop(receipt, None)
        if self._held:
            log.warning("events abandoned", queue=self._queue.url, count=len(self._held))
            self._held.clear()
        self._heart = None

    async def _each(
        self, operation: Callable[..., dict[str, Any]], receipts: Sequence[str], **values: Any
    ) -> dict[str, bool]:
        """Do an operation to messages, ten at a call; return those that failed, and whether asking again is in vain."""

        async def call(some: Sequence[str]) -> dict[str, bool]:
            entries = [{"Id": str(n), "ReceiptHandle": receipt, **values} for n, receipt in enumerate(some)]
            answer = await asyncio.to_thread(operation, QueueUrl=self._queue.url, Entries=entries)
            taken = {int(done["Id"]) for done in answer.get("Successful", ())}
            faults = {int(failure["Id"]): bool(failure.get("SenderFault")) for failure in answer.get("Failed", ())}
            return {receipt: faults.get(n, False) for n, receipt in enumerate(some) if n not in taken}

        parts = [receipts[start : start + _AT_A_CALL] for start in range(0, len(receipts), _AT_A_CALL)]
        failed: dict[str, bool] = {}
        for answer in await asyncio.gather(*(call(part) for part in parts), return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer
            failed |= answer
        return failed
