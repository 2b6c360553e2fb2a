"""Tracing of an application: the span of a request, which the framework makes, and the last ones at its end."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from common_service.tracing import Tracing, tracing

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
_FLUSH_SECONDS = 1.0
_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})


def telemetry() -> TelemetryConfig:
    """Return how FastAPI shall trace requests: one span each, none for its own steps and none for health."""
    behind = tracing()
    config: TelemetryConfig = {
        "tracing": behind is not None,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
        "exclude": lambda scope: scope["path"] in _UNTRACED,
    }
    if behind is not None:
        config["tracer_provider"] = behind.provider
    return config


def flushing(lifespan: Lifespan | None) -> Lifespan | None:
    """Return a lifespan at whose end the spans that are left are sent, for a second at most."""
    behind = tracing()
    if behind is None:
        return lifespan

    @contextlib.asynccontextmanager
    async def traced(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with lifespan(app) if lifespan else contextlib.nullcontext():
                yield
        finally:
            await _close(behind)

    return traced


async def _close(behind: Tracing) -> None:
    """Close beside the loop, in a thread that nobody waits for at exit: an exporter that is away delays no stop."""
    loop, closed = asyncio.get_running_loop(), asyncio.Event()

    def close() -> None:
        behind.close()
        with contextlib.suppress(RuntimeError):  # the loop did not wait
            loop.call_soon_threadsafe(closed.set)

    threading.Thread(target=close, name="close-tracing", daemon=True).start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FLUSH_SECONDS):
            await closed.wait()
