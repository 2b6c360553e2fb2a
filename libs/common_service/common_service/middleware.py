"""Pure ASGI middleware: what happens around every request. (BaseHTTPMiddleware costs 0.26 ms each: performance.md.)"""

import re
import time
from collections.abc import Awaitable, Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from common_service.draining import Drain
from common_service.ids import uuid7
from common_service.logging import log_answer
from common_service.problems import TooLarge, problem
from common_service.tracing import request_traceparent

HeaderPair = tuple[bytes, bytes]
_REQUEST_ID = re.compile(  # never like a card, a token or a key: the line of a request is not redacted
    rb"(?!(?:\d-?){13,19}\Z)(?:(?!eyJ|[prs]k[_-]|whsec_)[A-Za-z0-9._-]){1,64}"
)
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")  # nearly all of them, in 0.3 µs
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNLOGGED = frozenset({"/healthz", "/readyz", "/metrics"})
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)
_NAMES = frozenset(name for name, _ in _SECURITY)
# structlog's own variables, found once: to find them by name takes five times as long as to set them.
_bound = bind_contextvars(request_id="", traceparent="")
reset_contextvars(**_bound)
_REQUEST, _TRACE = _bound["request_id"].var, _bound["traceparent"].var
_UNBOUND = _TRACE.get()


class RequestContext:
    """Gives a request its id and keeps its trace, for logs and events; answers with the id and security headers."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app, self._drain = app, drain

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Wrap one connection; anything but HTTP passes through.

        No coroutine of its own, here and for each message: they were half of what this layer costs.
        """
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        given = w3c = xray = b""
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value
            elif name == b"traceparent":
                w3c = value
            elif name == b"x-amzn-trace-id":
                xray = value
        is_fit = given and (_UUID.fullmatch(given) or _REQUEST_ID.fullmatch(given))
        text = given.decode() if is_fit else str(uuid7())
        traceparent = request_traceparent(w3c, xray)
        _REQUEST.set(text)
        _TRACE.set(traceparent or _UNBOUND)
        scope["ids"] = text, traceparent  # at hand for the line of the request: reading the context takes longer
        own, drain = (b"x-request-id", text.encode()), self._drain

        def decorated(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                scope["answered"] = message["status"]
                message["headers"] = headers = _completed(message.get("headers", ()), own)
                if "answer_headers" in scope:  # what a dependency wants on every answer of its route
                    headers += scope["answer_headers"]
                if drain.leaving:  # so that the load balancer does not send another request down a dying line
                    headers.append((b"connection", b"close"))
            return send(message)

        return self._app(scope, receive, decorated)


def _completed(headers: Iterable[HeaderPair], own: HeaderPair) -> list[HeaderPair]:
    """Return the headers, whose names ASGI has in lower case, with `own` and the security headers that they lack."""
    for name, _ in headers:
        if name in _NAMES:
            named = {name for name, _ in headers}
            return [*headers, own, *(header for header in _SECURITY if header[0] not in named)]
    return [*headers, own, *_SECURITY]


class RequestMetrics:
    """Counts and times requests, by route: an address that nobody serves adds no series."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        names = ["method", "route", "status"]
        self._requests = Counter("http_requests", "Requests answered.", names, registry=registry)
        self._seconds = Histogram(
            "http_request_seconds", "Time to the end of the answer.", names[:2], registry=registry
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            requests, seconds = self._of(*_outcome(scope))
            requests.inc()
            seconds.observe(time.perf_counter() - started)

    def _of(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        key = method, route, status
        if key not in self._children:  # finding them by their labels costs as much as counting
            self._children[key] = self._requests.labels(method, route, status), self._seconds.labels(method, route)
        return self._children[key]


class RequestLog:
    """Writes one line a request, with its route and never with its address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one connection."""
        if scope["type"] != "http" or scope["path"] in _UNLOGGED:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            method, route, status = _outcome(scope)
            log_answer(method, route, status, ms=(time.perf_counter() - started) * 1000, ids=scope.get("ids"))


class BodyLimit:
    """Refuses bodies over `limit` bytes, announced or not, before anybody reads them whole.

    Also refuses NUL in path and query: no text of ours may hold it, and Postgres calls it an error.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one connection. Raises TooLarge in whoever reads more than was announced."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limit:
            refusal = problem(Request(scope), 413, "too_large", TooLarge(self._limit).detail)
            await refusal(scope, receive, send)
        elif "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await problem(Request(scope), 400, "malformed", "The address holds NUL.")(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Callable[[], Awaitable[Message]]:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise TooLarge(self._limit)
            return message

        return counted


def _outcome(scope: Scope) -> tuple[str, str, int]:
    """Return method, route and status, with one method for all requests that no route or no method names."""
    route = getattr(scope.get("route"), "path", "unmatched")
    method = scope["method"] if scope["method"] in _METHODS and route != "unmatched" else "ANY"
    return method, route, scope.get("answered", 500)
