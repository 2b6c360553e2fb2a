"""The front page of a platform on one machine: what runs, who may sign in, and the product's main job by hand.

It takes the place that CloudFront and the web application have in production: the load balancer's default.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.pages.pages import render
from sandbox.portal.events import EventTail
from sandbox.portal.health import health_of

_TEMPLATES = Path(__file__).parent / "templates"
_NOT_YET = {"web": "", "services": {}}


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
        markup = render(_TEMPLATES, "front.html.jinja", platform=platform, script=_script(platform))
        return HTMLResponse(markup, headers=_headers(platform))

    async def health(_: Request) -> Response:
        found = await health_of(http, _read(platform_file))
        return Response(orjson.dumps(found), media_type="application/json", headers={"Cache-Control": "no-store"})

    async def events(request: Request) -> Response:
        lines = tail.follow(request.is_disconnected)
        return StreamingResponse(lines, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return Starlette(
        routes=[
            Route("/", front),
            Route("/callback", front),
            Route("/_sandbox/health", health),
            Route("/_sandbox/events", events),
        ],
        lifespan=lifespan,
    )


def _read(platform_file: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = orjson.loads(platform_file.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):  # the runner writes it last
        return dict(_NOT_YET)
    return document


def _script(platform: dict[str, Any]) -> str:
    """Return the page's program, told where to sign in."""
    cognito = platform.get("cognito", {})
    config = {"login": cognito.get("url"), "client": cognito.get("client_id"), "seeded": cognito.get("is_ours", False)}
    program = (_TEMPLATES / "front.js").read_text(encoding="utf-8")
    return f"const PLATFORM = {orjson.dumps(config).decode().replace('<', chr(92) + 'u003c')};\n{program}"


def _headers(platform: dict[str, Any]) -> dict[str, str]:
    login = platform.get("cognito", {}).get("url", "")
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; connect-src 'self' {login}; "
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy + "script-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
