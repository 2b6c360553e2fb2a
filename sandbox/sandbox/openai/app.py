"""A stand-in for the part of OpenAI's API that the platform uses, written by a prose engine instead of a model."""

import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.openai import chat, control, models, moderations, responses
from sandbox.openai.errors import ApiError
from sandbox.openai.headers import common
from sandbox.openai.page import front_page
from sandbox.openai.switches import Switches


def create_app(*, tokens_per_second: float) -> Starlette:
    """Serve with a rate of `tokens_per_second`; 0 is as fast as possible."""
    app = Starlette(
        routes=[
            Route("/", front_page),
            Route("/healthz", _alive),
            Route("/v1/chat/completions", chat.complete, methods=["POST"]),
            Route("/v1/responses", responses.respond, methods=["POST"]),
            Route("/v1/moderations", moderations.moderate, methods=["POST"]),
            Route("/v1/models", models.list_models),
            Route("/v1/models/{model}", models.read_model),
            Route("/_sandbox/rate", control.rate, methods=["GET", "POST"]),
            Route("/_sandbox/faults", control.faults, methods=["GET", "POST", "DELETE"]),
        ],
        exception_handlers={ApiError: _refused, HTTPException: _no_route},
    )
    app.state.switches = Switches(tokens_per_second)
    return app


async def _alive(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    headers = {name.decode(): value.decode() for name, value in common(time.perf_counter())}
    return JSONResponse(error.document(), error.status, {**headers, **error.headers})


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    refusal = ApiError(status, f"Invalid URL ({request.method} {request.url.path})")
    return await _refused(request, refusal)
