"""Spans as X-Ray's segment documents, sent to its daemon. Of aws-xray-sdk only the models and the emitter are used."""

import logging
import time
from collections.abc import Sequence

from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.models.entity import Entity
from aws_xray_sdk.core.models.segment import Segment
from aws_xray_sdk.core.models.subsegment import Subsegment
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

_NS = 1_000_000_000
_AT_ONCE, _PAUSE_SECONDS = 32, 0.002  # a socket's default buffer holds some 160 of our datagrams
_ENTRIES = frozenset({SpanKind.SERVER, SpanKind.CONSUMER})


class XRayExporter(SpanExporter):
    """Sends a span through which a service is entered as a segment, any other as a subsegment of its own.

    `daemon` is `host:port`, unless AWS_XRAY_DAEMON_ADDRESS names another. Raises InvalidDaemonAddressException.
    """

    def __init__(self, service: str, daemon: str) -> None:
        self._service = service
        self._emitter = xray_recorder.emitter  # the recorder itself records nothing here
        self._emitter.set_daemon_address(daemon)
        logging.getLogger(type(self._emitter).__module__).setLevel(logging.CRITICAL)  # else a traceback a span

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send each span in a datagram of its own; what the daemon does not get is lost: it has time to read."""
        for n, span in enumerate(spans, 1):
            if n % _AT_ONCE == 0:
                time.sleep(_PAUSE_SECONDS)
            if span.context is not None:
                self._emitter.send_entity(document(self._service, span, span.context))
        return SpanExportResult.SUCCESS


def document(service: str, span: ReadableSpan, context: SpanContext) -> Entity:
    """Return a span as X-Ray's model of it."""
    trace_id = f"{context.trace_id:032x}"
    is_entry = span.parent is None or span.kind in _ENTRIES
    entity = Segment(service, f"{context.span_id:016x}", f"1-{trace_id[:8]}-{trace_id[8:]}")
    attributes = dict(span.attributes or {})
    if not is_entry:
        entity = Subsegment(_callee(span), "local" if span.kind is SpanKind.INTERNAL else "remote", entity)
        entity.id = f"{context.span_id:016x}"
        if "db.system.name" in attributes:
            entity.set_sql({"database_type": "PostgreSQL", "sanitized_query": span.name})
    if span.parent is not None:
        entity.parent_id = f"{span.parent.span_id:016x}"
    entity.start_time = (span.start_time or 0) / _NS
    if method := attributes.get("http.request.method"):
        entity.put_http_meta("method", method)
        entity.put_http_meta("url", attributes.get("http.route") or attributes.get("server.address"))
        entity.put_http_meta("status", attributes.get("http.response.status_code"))
    for name, value in {"operation": span.name, **attributes}.items():
        entity.put_annotation(name.replace(".", "_"), value)
    if span.status.status_code is StatusCode.ERROR:
        entity.add_fault_flag()
    entity.close((span.end_time or 0) / _NS)
    return entity


def _callee(span: ReadableSpan) -> str:
    attributes = span.attributes or {}
    return str(attributes.get("db.system.name") or attributes.get("server.address") or span.name)
