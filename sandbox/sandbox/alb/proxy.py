"""One request through the load balancer: matched, passed on as it came, answered byte by byte as the target answers."""

from collections.abc import Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from sandbox.alb.answers import of, own_error
from sandbox.alb.headers import end_to_end, for_target, too_many_addresses
from sandbox.alb.rules import FixedResponse, Rules
from sandbox.alb.targets import Target


class Proxy:
    """Streams both ways without buffering: the end of either connection ends the other."""

    def __init__(self, rules: Rules, targets: Mapping[str, Target], port: int) -> None:
        self._rules = rules
        self._targets = targets
        self._port = port

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_target = origin_form(request.raw_path)
        if request.method == "TRACE":
            return own_error(405)
        if too_many_addresses(request.headers):
            return own_error(463)
        action = self._rules.action_for(raw_target.partition("?")[0])
        if isinstance(action, FixedResponse):
            web_target = self._targets.get("web") if action is self._rules.default else None
            return of(action) if web_target is None else await self._forward(request, web_target, raw_target)
        target = self._targets.get(action.target)
        return own_error(503) if target is None else await self._forward(request, target, raw_target)

    async def _forward(self, request: web.BaseRequest, target: Target, raw_target: str) -> web.StreamResponse:
        if not target.is_healthy:
            return own_error(503)
        await _invite_body(request)
        headers = for_target(request.headers, request.remote or "127.0.0.1", self._port)
        body = request.content if request.body_exists else None
        answered: list[web.StreamResponse] = []
        try:
            async with target.session.request(
                request.method, target.url(raw_target), headers=headers, data=body, allow_redirects=False
            ) as upstream:
                return await _relay(request, upstream, answered)
        except aiohttp.ClientConnectorError:
            target.refused()
            return own_error(503)
        except TimeoutError:
            return _broken(request, answered, 504)
        except aiohttp.ClientError:
            return _broken(request, answered, 502)


def origin_form(target: str) -> str:
    """Turn `http://host/path` into `/path`; a path is never touched."""
    if target.startswith("/"):
        return target
    _, separator, rest = target.partition("://")
    _, slash, path = rest.partition("/")
    return slash + path if separator and slash else "/"


async def _invite_body(request: web.BaseRequest) -> None:
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def _relay(
    request: web.BaseRequest, upstream: aiohttp.ClientResponse, answered: list[web.StreamResponse]
) -> web.StreamResponse:
    headers: CIMultiDict[str] = end_to_end(upstream.headers)
    headers.setdefault("Server", "awselb/2.0")
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
    await response.prepare(request)
    answered.append(response)
    async for chunk in upstream.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response


def _broken(request: web.BaseRequest, answered: list[web.StreamResponse], status: int) -> web.StreamResponse:
    """Before the first byte the client is told; after it, only a cut connection says that the answer is not whole."""
    if not answered:
        return own_error(status)
    if request.transport is not None:
        request.transport.abort()
    return answered[0]
