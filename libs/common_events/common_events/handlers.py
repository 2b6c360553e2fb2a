"""What is done with an event: by a handler of one, by one that takes many at once, or once all is committed."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from common_events.envelope import Envelope

Handler: TypeAlias = Callable[[AsyncSession, Envelope], Awaitable[None]]
"""Applies one event in the transaction of its inbox row. What it raises rolls the event back, to be tried again."""


@dataclass(frozen=True, slots=True)
class Many:
    """A handler that takes many events in one call, so that it can write them by one statement.

    It gets what arrived together, in the order of arrival and so in that of each key, at most 100;
    never an event that was applied before. When it fails, each event of the call is handed to it again alone, so that
    one poisonous event spoils no other. A fact that it writes names its cause itself: no single event is the cause.
    Declare the same `Many` for several types to get their events together.
    """

    apply: Callable[[AsyncSession, Sequence[Envelope]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AfterCommit:
    """A handler with an effect outside the database, such as a word to other processes.

    `apply`, if there is any, works in the transaction of the inbox row; `effect` begins when that is committed, so that
    no transaction waits for a network. It must be harmless to repeat: it also follows an event that comes again, since
    the process may have died just before it. One that fails is tried twice more and then given up, with a line in the
    log: it undoes nothing and brings no event back, so what it tells must be found out some day without it.
    """

    effect: Callable[[Envelope], Awaitable[None]]
    apply: Handler | None = None


Handling: TypeAlias = Handler | Many | AfterCommit


def runs(envelopes: Iterable[Envelope], handlers: Mapping[str, Handling]) -> Iterator[tuple[Handling, list[Envelope]]]:
    """Part events into what is handed over in one call: neighbours of one `Many`, or one event of a `Handler`.

    Raises KeyError for an event whose type has no handler.
    """
    together: list[Envelope] = []
    current: Handling | None = None
    for envelope in envelopes:
        handler = handlers[envelope.type]
        if current is not None and (handler is not current or not isinstance(handler, Many)):
            yield current, together
            together = []
        current = handler
        together.append(envelope)
    if current is not None:
        yield current, together
