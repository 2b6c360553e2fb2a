"""Tracing by the OpenTelemetry SDK, which is imported here and in nothing that a process without traces imports."""

import logging
from collections.abc import Mapping, Sequence

import structlog
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import CarrierT, Getter, default_getter
from opentelemetry.sdk.extension.aws.trace import AwsXRayIdGenerator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

from common_service.settings import ServiceSettings
from common_service.trace_headers import XRayHeader

log = structlog.get_logger("tracing")
_EXPORT_SECONDS = 2.0
_EVERY_MS = 1000
_MOST_HELD = 1000
_CHOSEN = otel_context.create_key("trace-chosen-by-load-balancer")
TOLD = frozenset(
    {
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "server.address",
        "server.port",
        "error.type",
        "db.system.name",
        "db.operation.name",
        "db.collection.name",
        "messaging.operation.type",
        "messaging.destination.name",
        "messaging.consumer.group.name",
        "messaging.message.id",
    }
)
"""The attributes that leave the process: routes, tables and hosts, nothing that a reader wrote or carries."""


class SdkTracing:
    """Spans of a service, kept in a bounded queue and sent by a thread of their own every second; it drops when full.

    Raises InvalidDaemonAddressException for a daemon's address that is none.
    """

    def __init__(self, service: str, settings: ServiceSettings) -> None:
        ratio = TraceIdRatioBased(settings.trace_sampling_ratio)
        resource = Resource.create({"service.name": service, "service.namespace": "truecrime"})
        self.provider = TracerProvider(
            sampler=ParentBased(_AsChosen(ratio)), resource=resource, id_generator=_Ids(), shutdown_on_exit=False
        )
        batches = BatchSpanProcessor(Discreet(_exporter(service, settings)), schedule_delay_millis=_EVERY_MS)
        self._undecided = Undecided(batches)
        self.provider.add_span_processor(self._undecided)
        self.tracer = self.provider.get_tracer("truecrime")
        self._w3c = TraceContextTextMapPropagator()
        propagate.set_global_textmap(CompositePropagator([_LoadBalancer(ratio), self._w3c]))  # the last one found wins

    def inject(self) -> Mapping[str, str]:
        """Return the headers that pass the current span on."""
        headers: dict[str, str] = {}
        propagate.inject(headers)
        return headers

    def extract(self, traceparent: str) -> Context:
        """Return a context whose current span is the remote one that `traceparent` names."""
        return self._w3c.extract({"traceparent": traceparent}, Context())

    def hold(self, trace_id: int) -> None:
        """Keep what belongs to this trace until `decide`."""
        self._undecided.hold(trace_id)

    def decide(self, trace_id: int, *, is_kept: bool) -> None:
        """Send the trace, or drop what there is of it."""
        self._undecided.decide(trace_id, is_kept=is_kept)

    def close(self) -> None:
        """Send what is left, and let go."""
        self.provider.shutdown()


class Undecided(SpanProcessor):
    """Holds back the spans of traces of which it is not known yet whether they are worth keeping, 1,000 of each."""

    def __init__(self, following: SpanProcessor) -> None:
        self._following = following
        self._held: dict[int, list[ReadableSpan]] = {}

    def hold(self, trace_id: int) -> None:
        """Begin to hold back a trace."""
        self._held[trace_id] = []

    def decide(self, trace_id: int, *, is_kept: bool) -> None:
        """Pass on what was held, or drop it. What ends later is passed on."""
        spans = self._held.pop(trace_id, [])
        for span in spans if is_kept else ():
            self._following.on_end(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Hold a span, or pass it on."""
        held = self._held.get(span.context.trace_id) if span.context else None
        if held is None:
            self._following.on_end(span)
        elif len(held) < _MOST_HELD:
            held.append(span)

    def shutdown(self) -> None:
        """Send what is decided."""
        self._following.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is decided, now."""
        return self._following.force_flush(timeout_millis)


class Discreet(SpanExporter):
    """Lets out of every span what is named in TOLD, and no event, link or word of an error."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter, self._is_taken = exporter, True
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)  # it repeats itself every second

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export what may be told of the spans; a line is logged when nobody takes them any more, or again."""
        result = self._exporter.export([_discreet(span) for span in spans])
        if (is_taken := result is SpanExportResult.SUCCESS) is not self._is_taken:
            self._is_taken = is_taken
            log.warning("spans are taken again" if is_taken else "nobody takes spans: they are lost")
        return result

    def shutdown(self) -> None:
        """Let go of the exporter."""
        self._exporter.shutdown()


class _LoadBalancer(AwsXRayPropagator):
    """X-Ray's header, also as the load balancer writes it: the id of a trace that has not begun, without a parent."""

    def __init__(self, ratio: Sampler) -> None:
        self._ratio = ratio

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        context = Context() if context is None else context
        match getter.get(carrier, "X-Amzn-Trace-Id"):
            case [raw]:
                header = XRayHeader.of(raw.encode("latin-1", "replace"))
            case _:
                header = None
        if header is None:
            return context
        if header.parent_id is None:
            return otel_context.set_value(_CHOSEN, header, context)
        trace_id, sampled = int(header.trace_id, 16), header.sampled
        if sampled is None:
            sampled = self._ratio.should_sample(None, trace_id, "").decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        parent = SpanContext(trace_id, int(header.parent_id, 16), is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(NonRecordingSpan(parent), context)


class _Ids(AwsXRayIdGenerator):
    """X-Ray's kind of ids; a trace that the load balancer named keeps that name."""

    def generate_trace_id(self) -> int:
        chosen = otel_context.get_value(_CHOSEN)
        return int(chosen.trace_id, 16) if isinstance(chosen, XRayHeader) else super().generate_trace_id()


class _AsChosen(Sampler):
    """Keeps the traces that the header says to keep, and where it says nothing, a share of them."""

    def __init__(self, ratio: Sampler) -> None:
        self._ratio = ratio

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        chosen = otel_context.get_value(_CHOSEN, parent_context)
        if isinstance(chosen, XRayHeader) and chosen.sampled is not None:
            return SamplingResult(Decision.RECORD_AND_SAMPLE if chosen.sampled else Decision.DROP, attributes)
        return self._ratio.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"AsChosen{{{self._ratio.get_description()}}}"


def _exporter(service: str, settings: ServiceSettings) -> SpanExporter:
    if settings.trace_exporter == "xray":
        from common_service.tracing_xray import XRayExporter

        return XRayExporter(service, settings.trace_xray_daemon)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=settings.trace_otlp_endpoint, timeout=_EXPORT_SECONDS)


def _discreet(span: ReadableSpan) -> ReadableSpan:
    told = {name: value for name, value in (span.attributes or {}).items() if name in TOLD}
    return ReadableSpan(
        span.name,
        span.context,
        span.parent,
        span.resource,
        told,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
