"""An event's place in its trace, while a consumer handles it."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry.trace import SpanKind
from structlog.contextvars import bound_contextvars

from common_events.envelope import Envelope
from common_service.tracing import continued, fail, remote, span, tracer


def handling(consumer: str, envelope: Envelope) -> AbstractContextManager[None]:
    """Let logs, events and calls within say what caused them; where there are traces, make a span of the handling."""
    if tracer() is not None:
        return _traced(consumer, envelope)
    trace = {"traceparent": envelope.traceparent} if envelope.traceparent else {}
    return bound_contextvars(request_id=envelope.correlation_id, event_id=str(envelope.id), **trace)


@contextlib.contextmanager
def handling_many(consumer: str, envelopes: Sequence[Envelope]) -> Iterator[None]:
    """Where there are traces, make a span of the same handling in the trace of each of these events."""
    spans = tracer()
    if spans is None:
        yield
        return
    begun = [
        spans.start_span(f"process {each.type}", remote(each.traceparent), SpanKind.CONSUMER, _told(consumer, each))
        for each in envelopes
    ]
    try:
        yield
    except BaseException as error:
        for span in begun:
            fail(span, error)
        raise
    finally:
        for span in begun:
            span.end()


@contextlib.contextmanager
def carrying(envelopes: Sequence[Envelope]) -> Iterator[None]:
    """Where there are traces, make a span of the carrying of these events: in the trace that they are all part of, or
    else a trace of its own."""
    if tracer() is None:
        yield
        return
    traces = {each.traceparent and each.traceparent[:35] for each in envelopes}  # version and trace id
    first = envelopes[0]
    told = {"messaging.operation.type": "send", "messaging.destination.name": first.source}
    at = first.traceparent if len(traces) == 1 else None
    with span(f"relay {first.source}", SpanKind.PRODUCER, told, remote(at)):
        yield


@contextlib.contextmanager
def _traced(consumer: str, envelope: Envelope) -> Iterator[None]:
    attributes = _told(consumer, envelope)
    with (
        bound_contextvars(request_id=envelope.correlation_id, event_id=str(envelope.id)),
        continued(f"process {envelope.type}", envelope.traceparent, attributes),
    ):
        yield


def _told(consumer: str, envelope: Envelope) -> dict[str, Any]:
    return {
        "messaging.operation.type": "process",
        "messaging.destination.name": envelope.source,
        "messaging.consumer.group.name": consumer,
        "messaging.message.id": str(envelope.id),
    }
