"""Refusals and their faces: one table per service turns an exception into an RFC 9457 problem document.

`code` is the contract; the sentences may change. What is not in the table is a defect and tells the caller nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match
from structlog.contextvars import get_contextvars

from common_service.draining import Leaving

log = structlog.get_logger("problems")
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """The face of a refusal: its status, its stable code, and which attributes of the exception the caller may see.

    `retry_after`, in seconds, goes before an attribute of that name; `challenge` is what `WWW-Authenticate` says;
    `detail` stands in place of the exception's own words.
    """

    status: int
    code: str
    members: tuple[str, ...] = ()
    retry_after: int | None = None
    challenge: str | None = None
    detail: str | None = None


class Malformed(Exception):
    """A request that no field can be blamed for."""


class TooLarge(HTTPException):
    """A body over the service's limit. The framework lets only its own kind of error out of the reading of a body."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body is larger than {limit} bytes.")


class BadCursor(Exception):
    """A page cursor that this service did not make."""


class PreconditionRequired(Exception):
    """A change that does not say which version it is made to."""

    def __init__(self) -> None:
        super().__init__("Send the ETag of what you read as If-Match.")


class RateLimited(Exception):
    """Somebody asks too often. `retry_after`: seconds until there is room for one more."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests in a short time.")
        self.retry_after = retry_after


COMMON: Mapping[type[Exception], Problem] = {
    Malformed: Problem(400, "malformed"),
    BadCursor: Problem(422, "cursor_invalid"),
    PreconditionRequired: Problem(428, "precondition_required"),
    RateLimited: Problem(429, "rate_limited"),
    OperationalError: Problem(503, "unavailable", retry_after=2, detail="The database does not answer."),
    InterfaceError: Problem(503, "unavailable", retry_after=2, detail="The database does not answer."),
    PoolTimeout: Problem(503, "unavailable", retry_after=2, detail="The service is busy."),
    Leaving: Problem(503, "unavailable", retry_after=2, detail="This process is about to end."),
}
_HTTP_CODES = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}
_EVERYWHERE: Mapping[int, Sequence[str]] = {
    400: ("malformed",),
    413: ("too_large",),
    415: ("unsupported_media_type",),
    422: ("validation_failed",),
    503: ("unavailable",),
}
_SCHEMA_NAME = "Problem"
_MOST_ERRORS = 20


class ProblemTable:
    """The refusals of a service. Install it on the app; ask it for the OpenAPI responses of a route."""

    def __init__(self, *tables: Mapping[type[Exception], Problem]) -> None:
        self._faces: dict[type[Exception], Problem] = dict(COMMON)
        for table in tables:
            self._faces.update(table)

    def install(self, app: FastAPI) -> None:
        """Register a handler for every refusal, for the framework's own errors, and for defects."""
        for refusal in self._faces:
            app.add_exception_handler(refusal, self._answer_refusal)
        app.add_exception_handler(RequestValidationError, _answer_invalid)
        app.add_exception_handler(HTTPException, _answer_http)
        app.add_exception_handler(Exception, _answer_defect)

    def responses(self, *refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
        """Return the OpenAPI `responses` of a route that may refuse so, with what every route may answer.

        Raises KeyError for a refusal that the table does not have.
        """
        codes: dict[int, list[str]] = {}
        for refusal in refusals:
            face = self._faces[refusal]
            known = codes.setdefault(face.status, list(_EVERYWHERE.get(face.status, ())))
            if face.code not in known:
                known.append(face.code)
        return {status: problem_response(status, names) for status, names in sorted(codes.items())}

    async def _answer_refusal(self, request: Request, error: Exception) -> Response:
        face = next(self._faces[kind] for kind in type(error).__mro__ if kind in self._faces)
        extra = {name: getattr(error, name) for name in face.members}
        retry_after = face.retry_after if face.retry_after is not None else getattr(error, "retry_after", None)
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if face.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("refused", code=face.code, reason=type(error).__name__)
        if face.challenge:
            headers["WWW-Authenticate"] = face.challenge
        detail = face.detail if face.detail is not None else str(error) or None
        return problem(request, face.status, face.code, detail, extra, headers)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str | None,
    extra: Mapping[str, Any] = {},
    headers: Mapping[str, str] = {},
) -> Response:
    """Return a problem document as a response."""
    document = {
        "type": f"urn:truecrime:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "instance": request.url.path,
        "request_id": get_contextvars().get("request_id"),
        **{name: value for name, value in extra.items() if value is not None},
    }
    return Response(orjson.dumps(document, option=orjson.OPT_UTC_Z), status, dict(headers), MEDIA_TYPE)


def problem_response(status: int, codes: Sequence[str]) -> dict[str, Any]:
    """Return one entry of an OpenAPI `responses` object."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{_SCHEMA_NAME}"}}}
    return {"description": f"{HTTPStatus(status).phrase}: {', '.join(codes)}", "content": content}


PROBLEM_SCHEMA: dict[str, Any] = {
    "title": _SCHEMA_NAME,
    "type": "object",
    "description": "RFC 9457. `code` is stable; the sentences are not.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": ["string", "null"]},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "action": {"type": "object"},
        "needs": {"type": "string"},
        "meter": {"type": "string"},
        "limit": {"type": "integer"},
        "used": {"type": "integer"},
        "resets_at": {"type": "string", "format": "date-time"},
    },
}
EVERY_ROUTE = {status: problem_response(status, codes) for status, codes in _EVERYWHERE.items()}


async def _answer_invalid(request: Request, error: Exception) -> Response:
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    if any(item["type"] == "json_invalid" for item in errors):
        return problem(request, 400, "malformed", "The body is not JSON.")
    if any(item["loc"] == ("body",) for item in errors) and not _says_json(request):
        return problem(request, 415, "unsupported_media_type", "Send application/json.")
    pointers = [{"pointer": _pointer(item["loc"]), "detail": _sayable(item["msg"])} for item in errors[:_MOST_ERRORS]]
    return problem(request, 422, "validation_failed", "Some values do not fit.", {"errors": pointers})


async def _answer_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_allowed_methods(request)))
    detail = error.detail if isinstance(error, TooLarge) else HTTPStatus(status).phrase
    return problem(request, status, _HTTP_CODES.get(status, "http_error"), detail, headers=headers)


async def _answer_defect(request: Request, _: Exception) -> Response:
    return problem(request, 500, "internal_error", None)


def _allowed_methods(request: Request) -> set[str]:
    """Collect the methods of every route that has this path: the router names those of the first one only."""
    allowed: set[str] = set()
    for route in iter_route_contexts(request.app.routes):  # through routers in routers, under their whole paths
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            allowed |= route.methods or set()
    return allowed | {"HEAD"} if "GET" in allowed else allowed


def _pointer(location: Sequence[Any]) -> str:
    """Turn a validation location into a JSON pointer for the body, or `header/name`, `query/name`, `path/name`."""
    place, *rest = [_sayable(part).replace("~", "~0").replace("/", "~1") for part in location] or [""]
    return "/" + "/".join(rest) if place == "body" else "/".join([place, *rest])


def _sayable(value: object) -> str:
    """Return text that can be written as UTF-8: a body may name a field by half a surrogate pair."""
    return str(value).encode("utf-8", "replace").decode()


def _says_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
