"""How the two kinds of process of a service run: `serve` answers requests, `work` does jobs beside a health port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from common_service.app import create_service_app
from common_service.jobs import Job, supervise
from common_service.problems import ProblemTable
from common_service.settings import ServiceSettings

_DRAIN_SECONDS = 2.0
# The load balancer keeps idle connections for 120 s (deploy/alb/rules.json). Whoever closes first must be the load
# balancer: were it us, it would send a request into a connection that we have just closed, and answer 502 for us.
KEEP_ALIVE_SECONDS = 130


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Answer requests until SIGTERM, then let open answers end for `shutdown_seconds`."""
    uvicorn.run(
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
