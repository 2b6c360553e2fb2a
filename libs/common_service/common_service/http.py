"""The HTTP client of our services: it passes the trace on, and makes a span of each call in a trace that is kept."""

from typing import Any

import httpx2
from opentelemetry.trace import SpanKind, StatusCode

from common_service.tracing import is_kept, outgoing_headers, span


class HttpClient(httpx2.AsyncClient):
    """An `httpx2.AsyncClient`; one that `tells_trace` says to those it calls which trace they are part of.

    A span has the method, the host and the status, never the address; that of a stream ends with the headers.
    """

    def __init__(self, *, tells_trace: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self._tells_trace = tells_trace

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request. Raises what httpx2 raises."""
        if not is_kept():
            return await self._send(request, options)
        url = request.url
        attributes: dict[str, str | int] = {"http.request.method": request.method, "server.address": url.host}
        if url.port:
            attributes["server.port"] = url.port
        with span(f"{request.method} {url.host}", SpanKind.CLIENT, attributes) as current:
            answer = await self._send(request, options)
            current.set_attribute("http.response.status_code", answer.status_code)
            if answer.is_error:
                current.set_attribute("error.type", str(answer.status_code))
                current.set_status(StatusCode.ERROR)
            return answer

    async def _send(self, request: httpx2.Request, options: dict[str, Any]) -> httpx2.Response:
        if self._tells_trace:
            request.headers.update(outgoing_headers())
        return await super().send(request, **options)
