"""For tests: SNS and SQS inside this process, by moto, in a form that can be hurt."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from common_events.aws_clients import Sns, Sqs, sns_client, sqs_client

Answer = dict[str, Any]
Fault = Callable[[Callable[..., Answer], Answer], Answer]
"""Gets the operation and the request, and answers in its place."""
_REGION = "eu-west-2"
_LOOK_EVERY = 0.02


@dataclass(slots=True)
class Aws:
    """Clients that take turns, because moto is not made for threads: a long poll is many short ones here.

    `faults` are used up one a call of the operation that they stand under; `calls` holds what was asked for.
    """

    sns: Sns
    sqs: Sqs
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    calls: list[tuple[str, Answer]] = field(default_factory=list)

    def requests(self, operation: str) -> list[Answer]:
        """Return the requests of an operation, in their order."""
        return [request for name, request in self.calls if name == operation]


class _Client:
    """A boto3 client with one call at a time."""

    def __init__(self, client: Any, lock: threading.Lock, faults: dict[str, list[Fault]], calls: list[Any]) -> None:
        self._client, self._lock, self._faults, self._calls = client, lock, faults, calls

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        def call(**request: Any) -> Answer:
            self._calls.append((name, request))
            until = time.monotonic() + request.get("WaitTimeSeconds", 0)
            while True:
                with self._lock:
                    answer = self._answer(name, request)
                if name != "receive_message" or answer.get("Messages") or time.monotonic() >= until:
                    return answer
                time.sleep(_LOOK_EVERY)

        return call

    def _answer(self, name: str, request: Answer) -> Answer:
        operation: Callable[..., Answer] = getattr(self._client, name)
        sent = request
        if name == "receive_message":
            _let_go_what_is_visible()
            sent = {**request, "WaitTimeSeconds": 0}
        if faults := self._faults.get(name):
            return faults.pop(0)(operation, sent)
        return operation(**sent)


def _let_go_what_is_visible() -> None:
    """Do what moto does too late: of a group whose time is over it would hand out the last message first."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sqs.models import sqs_backends

    for queue in sqs_backends[DEFAULT_ACCOUNT_ID][_REGION].queues.values():
        queue.pending_messages.difference_update([message for message in queue.pending_messages if message.visible])


@contextmanager
def running_aws() -> Iterator[Aws]:
    """Run SNS and SQS, empty."""
    from moto import mock_aws

    with mock_aws():
        lock, faults, calls = threading.Lock(), dict[str, list[Fault]](), list[tuple[str, Answer]]()
        sns = _Client(sns_client(region=_REGION), lock, faults, calls)
        sqs = _Client(sqs_client(region=_REGION), lock, faults, calls)
        yield Aws(cast("Sns", sns), cast("Sqs", sqs), faults, calls)


def refuse(*places: int, code: str = "InternalError", sender: bool = False) -> Fault:
    """Return a fault in which a batch fails at these places only."""

    def fault(operation: Callable[..., Answer], request: Answer) -> Answer:
        name = next(name for name in request if name.endswith("Entries"))
        entries = request[name]
        kept = [entry for n, entry in enumerate(entries) if n not in places]
        answer = operation(**{**request, name: kept}) if kept else {"Successful": []}
        failed = [{"Id": entries[n]["Id"], "Code": code, "SenderFault": sender} for n in places if n < len(entries)]
        return {**answer, "Failed": [*answer.get("Failed", []), *failed]}

    return fault


def lose_the_answer(operation: Callable[..., Answer], request: Answer) -> Answer:
    """Do what was asked for, and break the connection."""
    operation(**request)
    raise ConnectionError("the answer was lost")
