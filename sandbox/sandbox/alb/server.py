"""The program around the proxy: ports opened, targets watched, everything gone within two seconds of a stop."""

import asyncio
import errno
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from sandbox.alb.proxy import Proxy
from sandbox.alb.rules import Rules
from sandbox.alb.status import Status
from sandbox.alb.targets import Target, open_target
from sandbox.servers.errors import CannotStart

_PATIENCE = 0.4  # aiohttp waits it twice: for handlers to end, then for cancelled ones
_LINE = 16384  # AWS: a request line or a header of at most 16 K

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Settings:
    rules: Rules
    port: int
    targets: Mapping[str, str]
    host: str = "127.0.0.1"
    status_port: int | None = None


@asynccontextmanager
async def running_alb(settings: Settings) -> AsyncIterator[Mapping[str, Target]]:
    """Serve until the block ends; the targets are yielded for whoever wants to look at their health."""
    async with AsyncExitStack() as stack:
        targets = await _open_targets(settings, stack)
        proxy = Proxy(settings.rules, targets, settings.port)
        await _serve(stack, proxy.handle, settings.host, settings.port)
        if settings.status_port is not None:
            await _serve(stack, Status(settings.rules, targets.values()).handle, settings.host, settings.status_port)
        yield targets


async def serve_until_stopped(settings: Settings) -> None:
    stopped = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    async with running_alb(settings):
        await stopped.wait()


async def _open_targets(settings: Settings, stack: AsyncExitStack) -> dict[str, Target]:
    targets = {}
    for name, base in settings.targets.items():
        check = settings.rules.web_health_check if name == "web" else settings.rules.health_checks[name]
        target = open_target(name, base, check, settings.rules.idle_timeout)
        stack.push_async_callback(target.session.close)
        stack.push_async_callback(_cancel, asyncio.create_task(target.watch(), name=f"watch {name}"))
        targets[name] = target
    return targets


async def _serve(stack: AsyncExitStack, handler: Handler, host: str, port: int) -> None:
    server = web.Server(
        handler,
        handler_cancellation=True,
        access_log=None,
        auto_decompress=False,
        max_line_size=_LINE,
        max_field_size=_LINE,
        lingering_time=1.0,
    )
    runner = web.ServerRunner(server, shutdown_timeout=_PATIENCE)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"Port {port} of {host} is taken: stop what listens there, or set another port."
            ) from error
        raise CannotStart(f"Port {port} of {host} cannot be opened: {error.strerror}.") from error


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
