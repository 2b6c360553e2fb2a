"""How the two kinds of process of a service run: `serve` answers requests, `work` does jobs beside a health port."""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from common_service.app import create_service_app
from common_service.draining import Drain
from common_service.jobs import Job, supervise
from common_service.metrics_emf import embedded_metrics
from common_service.problems import ProblemTable
from common_service.settings import ServiceSettings

_DRAIN_SECONDS = 2.0
_START_FAILED = 3
# The load balancer keeps idle connections for 120 s (deploy/alb/rules.json). Whoever closes first must be the load
# balancer: were it us, it would send a request into a connection that we have just closed, and answer 502 for us.
KEEP_ALIVE_SECONDS = 130


class DrainingServer(uvicorn.Server):
    """Tells the application's `drain` when the process is told to end, and when it stops accepting requests.

    For `deregistration_seconds` in between it goes on as before, until the load balancer sends no more.
    """

    def __init__(self, config: uvicorn.Config, drain: Drain, deregistration_seconds: float) -> None:
        super().__init__(config)
        self._drain, self._lead = drain, deregistration_seconds
        self._told_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal; a second one cuts the waiting short."""
        if self._told_at is None:
            self._told_at = time.monotonic()
        else:
            self._lead = 0.0
        self._drain.leave()
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Tell whether to stop accepting requests."""
        told = await super().on_tick(counter)
        return told and (self._told_at is None or time.monotonic() - self._told_at >= self._lead)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, and end what is open."""
        self._drain.end()
        await super().shutdown(sockets)


def serve(app: FastAPI, settings: ServiceSettings, name: str | None = None) -> None:
    """Answer requests until SIGTERM; metrics go out as the settings say, under `name` or else the application's title.

    Then, in this order:

    not ready any more, at once; after `deregistration_seconds` no new request, and streams end; open requests, then
    what else the application does, have `shutdown_seconds` to end. The process exits with 0.
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    server = DrainingServer(config, app.state.drain, settings.deregistration_seconds)

    def leave(*_: object) -> None:  # uvicorn raises its signals anew when it is done
        if not server.started:
            sys.exit(0)

    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, leave)
    gc.freeze()  # the application stays as long as the process: no collection need walk it
    is_embedded = settings.metrics_exporter == "emf"
    with embedded_metrics(name or app.title, app.state.registry) if is_embedded else contextlib.nullcontext():
        server.run()
    if not server.started:
        sys.exit(_START_FAILED)


@dataclass(frozen=True, slots=True)
class Background:
    """What a worker does: jobs, the metrics they keep in `registry`, and what to close at the end, in this order."""

    ready: Callable[[], Awaitable[None]]
    closing: Sequence[Callable[[], Awaitable[None]]]
    jobs: list[Job] = field(default_factory=list)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    async def close(self) -> None:
        """Let go of everything."""
        for close in self.closing:
            await close()


def work(name: str, background: Background, settings: ServiceSettings) -> None:
    """Do its jobs until SIGTERM; `/healthz`, `/readyz` and `/metrics` answer on the settings' port meanwhile."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        tasks = [asyncio.create_task(supervise(job, stop), name=job.name) for job in background.jobs]
        try:
            yield
        finally:
            stop.set()
            await _end(tasks)
            await background.close()

    app = create_service_app(
        title=name,
        prefix="/worker",
        routers=[],
        problems=ProblemTable(),
        ready=background.ready,
        lifespan=lifespan,
        registry=background.registry,
    )
    serve(app, settings)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Let jobs that were told to stop end by themselves, and cancel those that do not."""
    if tasks:
        _ended, late = await asyncio.wait(tasks, timeout=_DRAIN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
