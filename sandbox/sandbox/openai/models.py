"""GET /v1/models: a few names, so that a client that looks before it asks finds what it looks for."""

from starlette.requests import Request
from starlette.responses import JSONResponse

from sandbox.openai.requests import check_key, model_of

_NAMES = ("gpt-4o-mini", "gpt-4o", "gpt-4.1-mini", "gpt-5-mini", "gpt-5", "omni-moderation-latest", "truecrime-prose")
_CREATED = 1_763_000_000


async def list_models(request: Request) -> JSONResponse:
    check_key(request.headers.get("authorization"))
    return JSONResponse({"object": "list", "data": [_model(name) for name in _NAMES]})


async def read_model(request: Request) -> JSONResponse:
    check_key(request.headers.get("authorization"))
    name = request.path_params["model"]
    return JSONResponse(_model(name if name in _NAMES else model_of({"model": name})))


def _model(name: str) -> dict[str, str | int]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "truecrime-sandbox"}
