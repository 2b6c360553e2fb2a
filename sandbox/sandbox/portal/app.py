"""The front page of a platform on one machine: what runs, who may sign in, and the product's main job by hand.

It takes the place that CloudFront and the web application have in production: the load balancer's default.
"""

import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import orjson
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.portal.events import EventTail
from sandbox.portal.front import headers_for, markup_for
from sandbox.portal.health import health_of

_FRESH = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_NOT_YET: dict[str, Any] = {"services": {}}


def create_app(*, platform_file: Path, redis_url: str) -> Starlette:
    """Serve the front page of the platform that `platform_file` describes."""
    redis = Redis.from_url(redis_url, socket_timeout=15)
    http = httpx2.AsyncClient(timeout=1.0)
    tail = EventTail(redis)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await http.aclose()
        await redis.aclose()

    async def front(_: Request) -> Response:
        platform = _read(platform_file)
        return HTMLResponse(markup_for(platform), headers=headers_for(platform))

    async def health(_: Request) -> Response:
        found = await health_of(http, _read(platform_file))
        return Response(orjson.dumps(found), media_type="application/json", headers=_FRESH)

    async def events(request: Request) -> Response:
        lines = tail.follow(request.is_disconnected)
        return StreamingResponse(lines, media_type="text/event-stream", headers=_FRESH)

    return Starlette(
        routes=[
            Route("/", front),
            Route("/callback", front),
            Route("/_sandbox/health", health),
            Route("/_sandbox/events", events),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: _refuse},
    )


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer as the load balancer's default would: who mistypes an address of the API ends here."""
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR)
    allowed = error.headers if isinstance(error, HTTPException) else None
    problem = {
        "type": f"urn:truecrime:problem:{status.name.lower()}",
        "title": status.name.capitalize().replace("_", " "),
        "status": status,
        "detail": f"The platform has nothing for {request.method} at this address.",
        "code": status.name.lower(),
        "instance": request.url.path,
    }
    return Response(orjson.dumps(problem), status, {**_FRESH, **(allowed or {})}, "application/problem+json")


def _read(platform_file: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = orjson.loads(platform_file.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):  # the runner writes it last
        return dict(_NOT_YET)
    return document
