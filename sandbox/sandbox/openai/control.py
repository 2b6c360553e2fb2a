"""/_sandbox/…: the rate and the faults, for tests and for the page. No key is needed: this is the machine's own."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.openai.errors import invalid
from sandbox.openai.switches import Switches, number, read_fault


async def rate(request: Request) -> JSONResponse:
    switches: Switches = request.app.state.switches
    if request.method == "POST":
        given = (await _body(request)).get("tokens_per_second")
        switches.tokens_per_second = 0.0 if given is None else number(given, "tokens_per_second")
    return JSONResponse({"tokens_per_second": switches.tokens_per_second, "open_streams": switches.streams})


async def faults(request: Request) -> Response:
    switches: Switches = request.app.state.switches
    if request.method == "DELETE":
        switches.faults.clear()
        return Response(status_code=204)
    if request.method == "POST":
        switches.faults.append(read_fault(await _body(request)))
    listed = [fault.document() for fault in switches.faults]
    return JSONResponse({"faults": listed}, 201 if request.method == "POST" else 200)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise invalid("The body is not JSON.") from error
    if not isinstance(body, dict):
        raise invalid("The body must be an object.")
    return body
