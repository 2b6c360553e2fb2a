"""python -m sandbox.world: the vendors' stand-ins in one process, each on the port that its variable names."""

import asyncio
import contextlib
import importlib
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette

from sandbox.servers.errors import CannotStart

_APPS = {
    "COGNITO_PORT": "sandbox.cognito.app",
    "STRIPE_PORT": "sandbox.stripe.app",
    "OPENAI_PORT": "sandbox.openai.app",
    "MAIL_HTTP_PORT": "sandbox.mail.app",
    "PORTAL_PORT": "sandbox.portal.app",
}
_GRACE = 1


class Server(uvicorn.Server):
    """A server among others: the process's signals are the world's business, not each server's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def options_of(variable: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the app behind `variable` is made from."""
    get = environment.get
    state = Path(get("SANDBOX_STATE_DIR", ".run/sandbox"))
    smtp_port = int(get("MAIL_SMTP_PORT", "0"))
    here = f"http://127.0.0.1:{environment[variable]}"
    options: dict[str, Callable[[], dict[str, Any]]] = {
        "COGNITO_PORT": lambda: {
            "directory": state / "cognito",
            "issuer_base": here,
            "smtp": ("127.0.0.1", smtp_port) if smtp_port else None,
        },
        "STRIPE_PORT": lambda: {
            "directory": state / "stripe",
            "public_url": here,
            "webhook_url": get("STRIPE_WEBHOOK_URL", ""),
            "webhook_secret": get("STRIPE_WEBHOOK_SECRET", ""),
            "api_key": get("STRIPE_API_KEY", ""),
        },
        "OPENAI_PORT": lambda: {"tokens_per_second": float(get("OPENAI_TOKENS_PER_SECOND", "60"))},
        "MAIL_HTTP_PORT": lambda: {"directory": state / "mail", "smtp_port": smtp_port},
        "PORTAL_PORT": lambda: {
            "platform_file": Path(get("PLATFORM_FILE", ".run/platform.json")),
            "redis_url": get("REDIS_URL", ""),
        },
    }
    return options[variable]()


def servers_from(environment: Mapping[str, str]) -> list[Server]:
    """Make one server for each port that is named."""
    servers = []
    for variable, module in _APPS.items():
        if environment.get(variable):
            create_app: Callable[..., Starlette] = importlib.import_module(module).create_app
            servers.append(_server(create_app(**options_of(variable, environment)), int(environment[variable])))
    return servers


async def serve_until_stopped(servers: list[Server]) -> None:
    """Serve all; the first that ends, or a signal, ends the others."""

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop)
    serving = [asyncio.create_task(server.serve()) for server in servers]
    for task in serving:
        task.add_done_callback(lambda _: stop())
    await asyncio.gather(*serving)


def main() -> int:
    ArgumentParser(description=__doc__).parse_args()  # --help tells, and starts nothing
    try:
        uvloop.run(serve_until_stopped(servers_from(os.environ)))
    except (CannotStart, OSError) as error:
        sys.stderr.write(f"The sandbox cannot start: {error}\n")
        return 1
    return 0


def _server(app: Starlette, port: int) -> Server:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    return Server(config)


if __name__ == "__main__":
    sys.exit(main())
