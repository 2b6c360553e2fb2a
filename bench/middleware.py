"""What each middleware of the app factory adds to an empty request: the app against itself without that layer."""

import asyncio
import copy
import logging
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import uvloop
from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message

from bench.measuring import Figure, Subject, in_turn, microseconds, ratio, show
from common_service.app import create_service_app
from common_service.logging import configure_logging
from common_service.problems import ProblemTable

_REQUESTS, _ROUNDS = 100, 80
_PATH = "/bench/v1/empty"
_LIMIT = 0.1
_HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"user-agent", b"bench"),
    (b"accept", b"application/json"),
    (b"x-request-id", b"0199c5a2-7b1e-7f00-8000-0123456789ab"),
]


def _app() -> FastAPI:
    router = APIRouter()

    @router.get(_PATH, status_code=204)
    async def empty() -> Response:
        return Response(status_code=204)

    async def ready() -> None:
        return None

    return create_service_app(
        title="bench",
        prefix="/bench",
        routers=[router],
        problems=ProblemTable(),
        ready=ready,
        registry=CollectorRegistry(),
    )


def layers(stack: Any) -> list[Any]:
    """Return the stack from the outside in: our middlewares, which keep what they wrap as `_app`, then the rest."""
    found = [stack]
    while hasattr(found[-1], "_app"):
        found.append(found[-1]._app)
    return found


def without(stack: Sequence[Any], left_out: int) -> ASGIApp:
    """Return the stack anew, one layer less."""
    *ours, inner = [layer for place, layer in enumerate(stack) if place != left_out]
    for layer in reversed(ours):
        outer = copy.copy(layer)
        outer._app = inner
        inner = outer
    whole: ASGIApp = inner
    return whole


def _requests(app: FastAPI, stack: ASGIApp) -> Subject:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": _PATH,
        "raw_path": _PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": _HEADERS,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "app": app,
        "ids": ("0199c5a2-7b1e-7f00-8000-0123456789ab", None),  # what RequestContext leaves there for RequestLog
    }
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def some() -> None:
        statuses.clear()
        for _ in range(_REQUESTS):
            await stack(dict(scope), receive, send)
        await asyncio.sleep(0)  # a layer may have left something for the loop to do
        assert statuses == [204] * _REQUESTS

    return some


async def measure() -> list[Figure]:
    """Compare, with the log as in production (JSON lines, into a file) and once with it off."""
    app = _app()
    stack = layers(app.build_middleware_stack())
    subjects = {"whole": _requests(app, stack[0]), "bare": _requests(app, stack[-1])}
    subjects |= {type(layer).__name__: _requests(app, without(stack, i)) for i, layer in enumerate(stack[:-1])}
    seconds = await in_turn(subjects, rounds=_ROUNDS)
    logging.getLogger().setLevel("WARNING")
    silent = await in_turn(subjects, rounds=_ROUNDS // 2)
    figures = [
        Figure("empty request, no middleware of ours", microseconds(seconds["bare"], _REQUESTS), "µs"),
        Figure("empty request, all of them", microseconds(seconds["whole"], _REQUESTS), "µs"),
        Figure("empty request, all of them, log off", microseconds(silent["whole"], _REQUESTS), "µs"),
    ]
    for layer in stack[:-1]:
        name = type(layer).__name__
        cost = ratio(seconds["whole"], seconds[name]) - 1
        quiet = ratio(silent["whole"], silent[name]) - 1
        figures += [Figure(f"{name} adds", cost, "x", _LIMIT), Figure(f"{name} adds, log off", quiet, "x")]
    return figures


def main() -> None:
    """Measure and print."""
    ArgumentParser(description=__doc__).parse_args()  # --help tells, and starts nothing
    with tempfile.TemporaryFile("w") as lines:
        with redirect_stdout(lines):
            configure_logging("bench")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures = runner.run(measure())
        logging.getLogger().handlers.clear()
    show("middleware", figures)


if __name__ == "__main__":
    main()
