"""The traces of this process. While TRACE_EXPORTER is `none`, nothing of the SDK is imported and no span is made."""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, TracerProvider
from structlog.contextvars import bound_contextvars, get_contextvars

from common_service.trace_headers import as_headers, traceparent_of

if TYPE_CHECKING:
    from common_service.settings import ServiceSettings  # a migration needs none of it


class Tracing(Protocol):
    """What stands behind a process whose requests are traced."""

    @property
    def provider(self) -> TracerProvider:
        """What the framework makes its spans with."""
        ...

    @property
    def tracer(self) -> Tracer:
        """What we make ours with."""
        ...

    def inject(self) -> Mapping[str, str]:
        """Return the headers that pass the current span on."""
        ...

    def extract(self, traceparent: str) -> Context:
        """Return a context whose current span is the remote one that `traceparent` names; an empty one for nonsense."""
        ...

    def hold(self, trace_id: int) -> None:
        """Keep what belongs to this trace until `decide`."""
        ...

    def decide(self, trace_id: int, *, is_kept: bool) -> None:
        """Let the trace go its way, or drop what there is of it."""
        ...

    def close(self) -> None:
        """Send what is left, and let go; may take as long as the exporter's own patience."""
        ...


@dataclass(slots=True)
class Attempt:
    """Work of which nobody knows beforehand whether there is any, and whether some was found."""

    found_work: bool = False


_attempt: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


class _Process:
    """The one tracing that a process has, as it has one root logger."""

    tracing: Tracing | None = None


def configure_tracing(service: str, settings: "ServiceSettings") -> None:
    """Trace this process as the settings say. Call it first: what was made before is not traced."""
    if settings.trace_exporter != "none":
        from common_service.tracing_sdk import SdkTracing  # 0.2 s and more: only who traces pays

        use_tracing(SdkTracing(service, settings))


def use_tracing(chosen: Tracing | None) -> None:
    """Trace with this from now on, or no more."""
    _Process.tracing = chosen


def tracing() -> Tracing | None:
    """Return what stands behind this process, or None where nothing is traced."""
    return _Process.tracing


def tracer() -> Tracer | None:
    """Return what makes spans, or None where nothing is traced."""
    return _Process.tracing.tracer if _Process.tracing else None


def is_kept() -> bool:
    """Tell whether what happens now is part of a trace that is kept, also after the answer that it began with."""
    return _Process.tracing is not None and trace.get_current_span().get_span_context().trace_flags.sampled


def request_traceparent(w3c: bytes, xray: bytes) -> str | None:
    """Return where the request stands that has these headers: at its span, or else where its caller stood."""
    return (_Process.tracing and _of(trace.get_current_span())) or traceparent_of(w3c, xray)


def outgoing_headers() -> Mapping[str, str]:
    """Return the headers that tell a callee of ours which trace its request is part of."""
    if _Process.tracing and trace.get_current_span().get_span_context().is_valid:
        found_work()  # whoever is told of a trace shall find it
        return _Process.tracing.inject()
    traceparent = traceparent_of(str(get_contextvars().get("traceparent", "")).encode(), b"")
    return as_headers(traceparent) if traceparent else {}


@contextlib.contextmanager
def span(name: str, kind: SpanKind, attributes: Mapping[str, Any], context: Context | None = None) -> Iterator[Span]:
    """Make a span the current one; it fails with what is raised inside, of which it keeps the type and no word."""
    assert _Process.tracing is not None
    with _Process.tracing.tracer.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            fail(current, error)
            raise


@contextlib.contextmanager
def attempt(name: str) -> Iterator[None]:
    """Make a trace of work without a request, if any is found: it is dropped unless `found_work` is called or it fails.

    Logs, statements, calls and facts within are part of it.
    """
    behind = _Process.tracing
    if behind is None:
        yield
        return
    made, is_failed, trace_id = Attempt(), True, 0
    token = _attempt.set(made)
    try:
        with span(name, SpanKind.INTERNAL, {}, Context()) as root:
            trace_id = root.get_span_context().trace_id
            behind.hold(trace_id)
            with bound_contextvars(traceparent=_of(root)):
                yield
        is_failed = False
    finally:
        _attempt.reset(token)
        behind.decide(trace_id, is_kept=is_failed or made.found_work)


def found_work() -> None:
    """Note that the attempt under way, if any, is one: it had something to do."""
    made = _attempt.get()
    if made is not None:
        made.found_work = True


def calling(host: str) -> AbstractContextManager[Span | None]:
    """Make a span of a call to `host` that a vendor's SDK makes; nothing outside a trace that is kept."""
    if not is_kept():
        return contextlib.nullcontext()
    return span(host, SpanKind.CLIENT, {"server.address": host})


def fail(failed: Span, error: BaseException) -> None:
    """Note the type of an error, never its text: that may quote anything."""
    failed.set_attribute("error.type", type(error).__qualname__)
    failed.set_status(StatusCode.ERROR)


@contextlib.contextmanager
def continued(name: str, traceparent: str | None, attributes: Mapping[str, Any]) -> Iterator[None]:
    """Handle what was caused elsewhere as a part of the trace that caused it; logs, events and calls within say so.

    Only where something is traced.
    """
    made = span(name, SpanKind.CONSUMER, attributes, remote(traceparent))
    with made as current, bound_contextvars(traceparent=_of(current)):
        yield


def remote(traceparent: str | None) -> Context:
    """Return a context in which a span is a child of the one that `traceparent` names, or begins a trace of its own.

    Only where something is traced.
    """
    assert _Process.tracing is not None
    return _Process.tracing.extract(traceparent or "")


def _of(current: Span) -> str | None:
    at = current.get_span_context()
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags & 1:02x}" if at.is_valid else None
