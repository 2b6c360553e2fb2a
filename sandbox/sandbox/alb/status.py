"""What the load balancer thinks of its targets, on a port of its own so that no public path is taken."""

from collections.abc import Iterable

import orjson
from aiohttp import web

from sandbox.alb.answers import own_error
from sandbox.alb.rules import Rules
from sandbox.alb.targets import Target


class Status:
    def __init__(self, rules: Rules, targets: Iterable[Target]) -> None:
        self._rules = rules
        self._targets = tuple(targets)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path.partition("?")[0] != "/_alb/health":
            return own_error(404)
        targets = [
            {"name": target.name, "url": target.base, "state": _state(target), "reason": target.reason}
            for target in self._targets
        ]
        document = orjson.dumps({"targets": targets, "rules": self._rules.document})
        return web.Response(body=document, content_type="application/json")


def _state(target: Target) -> str:
    return "healthy" if target.is_healthy else "unhealthy"
