"""What traces are sent to, as real as a test can have it: an OTLP receiver over HTTP, and X-Ray's daemon over UDP."""

import asyncio
import atexit
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from common_service.settings import ServiceSettings
from common_service.testing import NOWHERE
from common_service.tracing import configure_tracing, tracing, use_tracing
from common_service.tracing_sdk import SdkTracing

LONG = 30  # seconds; only a test that fails waits so long


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it arrived, whichever the protocol; ids in hexadecimal."""

    name: str
    trace_id: str
    id: str
    parent_id: str
    kind: str
    attributes: dict[str, Any]
    failed: bool


@dataclass(slots=True)
class Collector:
    """What has arrived, also as it was on the wire, and how a process is told to send it here."""

    settings: dict[str, Any]
    spans: list[Seen] = field(default_factory=list)
    wire: bytes = b""
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, is_there: Callable[[list[Seen]], bool]) -> list[Seen]:
        """Wait for spans."""
        if isinstance(behind := tracing(), SdkTracing):
            await asyncio.to_thread(behind.provider.force_flush)
        try:
            async with asyncio.timeout(LONG), self.arrived:
                await self.arrived.wait_for(lambda: is_there(self.spans))
        except TimeoutError:
            raise AssertionError(f"only these arrived: {self.spans}") from None
        return self.spans

    async def take(self, spans: list[Seen], wire: bytes) -> None:
        """Note what arrived."""
        async with self.arrived:
            self.spans += spans
            self.wire += wire
            self.arrived.notify_all()


@contextlib.asynccontextmanager
async def otlp_collector() -> AsyncIterator[Collector]:
    """Receive spans as an OpenTelemetry collector does."""

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        wire = gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body
        told = ExportTraceServiceRequest.FromString(wire)
        scopes = [scope for resource in told.resource_spans for scope in resource.scope_spans]
        await collector.take([_seen(span) for scope in scopes for span in scope.spans], wire)
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    collector = Collector({"trace_exporter": "otlp", "trace_otlp_endpoint": f"http://127.0.0.1:{port}/v1/traces"})
    try:
        yield collector
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def xray_daemon() -> AsyncIterator[Collector]:
    """Receive segment documents as X-Ray's daemon does."""
    from aws_xray_sdk.core import xray_recorder

    atexit.register(xray_recorder.emitter._socket.close)  # the SDK leaves it open
    tasks: set[asyncio.Task[None]] = set()

    class Daemon(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
            header, _, body = data.partition(b"\n")
            assert json.loads(header) == {"format": "json", "version": 1}, addr
            tasks.add(asyncio.create_task(collector.take([_segment(json.loads(body))], data)))

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Daemon, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    collector = Collector({"trace_exporter": "xray", "trace_xray_daemon": f"127.0.0.1:{port}"})
    try:
        yield collector
    finally:
        transport.close()


@contextlib.contextmanager
def traced(**settings: Any) -> Iterator[None]:
    """Trace this process, as `configure_tracing` does with these settings."""
    configure_tracing("kit", ServiceSettings(**{**NOWHERE, **settings}))
    behind = tracing()
    try:
        yield
    finally:
        use_tracing(None)
        if behind is not None:
            behind.close()


def _seen(span: Span) -> Seen:
    values = {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in span.attributes}
    assert not span.events
    assert not span.status.message
    return Seen(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        values,
        span.status.code == Status.STATUS_CODE_ERROR,
    )


def _segment(document: dict[str, Any]) -> Seen:
    is_part = document.get("type") == "subsegment"
    assert not document["in_progress"]
    assert document["end_time"] >= document["start_time"] > 1_700_000_000
    version, epoch, unique = document["trace_id"].split("-")
    assert version == "1"
    said = document["annotations"]
    return Seen(
        said["operation"],
        epoch + unique,
        document["id"],
        document.get("parent_id", ""),
        "CLIENT" if is_part else ("CONSUMER" if "messaging_operation_type" in said else "SERVER"),
        {name.replace("_", "."): value for name, value in said.items() if name != "operation"},
        document.get("fault", False),
    )
