"""payment_service and the issuer, doing what a test says."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from common_auth.access import AccessSnapshot
from common_auth.errors import AccessUnavailable
from common_auth.gate import AccessGate
from common_auth.kept_access import KeptAccess
from common_auth.service_tokens import ServiceTokens
from common_auth.shared_access import SharedAccess
from common_service.breaker import CircuitBreaker
from common_service.testing import FixedClock

LONG = 30.0
"""Seconds that a slow machine does not need."""
USER = uuid4()
Process: TypeAlias = Callable[..., AccessGate]
"""Starts "processes": each has a gate, memory and connections of its own."""


class Payment:
    """payment_service and the issuer in one, with a clock."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.calls, self.grants, self.not_modified = 0, 0, 0
        self.version, self.entitled, self.ttl = 1, True, 30.0
        self.edge: datetime | None = None
        self.changed: dict[str, Any] = {}
        self.answer: Callable[[], Awaitable[Response | None]] = self.nothing_special
        self.good_tokens = {"token-1"}

    async def nothing_special(self) -> Response | None:
        return None

    async def down(self) -> Response:
        return Response(status_code=503)

    def snapshot(self, user_id: str) -> dict[str, Any]:
        feature = {"kind": "flag", "value": self.entitled}
        return {
            "user_id": user_id,
            "version": self.version,
            "state": "active" if self.entitled else "none",
            "entitled": self.entitled,
            "plan": {"code": "pro", "rank": 1},
            "period": None,
            "features": {"story.generate": feature, "odd": {"kind": "limit", "limit": 1}},
            "reason": None,
            "action": None,
            "next_change_at": self.edge and self.edge.isoformat(),
            "computed_at": self.clock().isoformat(),
            "ttl_seconds": self.ttl,
        }

    async def access(self, request: Request) -> Response:
        self.calls += 1
        version = self.version
        if request.headers["authorization"].removeprefix("Bearer ") not in self.good_tokens:
            return Response(status_code=401)
        if (special := await self.answer()) is not None:
            return special
        etag = f'"{version}"'
        if request.headers.get("if-none-match") == etag:
            self.not_modified += 1
            return Response(status_code=304, headers={"ETag": etag})
        body = {**self.snapshot(request.path_params["user_id"]), "version": version, **self.changed}
        return Response(json.dumps(body), headers={"ETag": etag})

    async def token(self, _: Request) -> Response:
        self.grants += 1
        return JSONResponse({"access_token": f"token-{self.grants}", "expires_in": 3600})

    def http(self) -> httpx2.AsyncClient:
        """Return a client that reaches both."""
        routes = [Route("/internal/v1/access/{user_id}", self.access), Route("/token", self.token, methods=["POST"])]
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(Starlette(routes=routes)))

    def gate(
        self,
        http: httpx2.AsyncClient,
        *,
        breaker: CircuitBreaker | None = None,
        shared: SharedAccess | None = None,
        timeout_seconds: float = LONG,
    ) -> AccessGate:
        """Return the gate of one process."""
        tokens = ServiceTokens("http://issuer/token", "me", "secret", http, lambda: self.clock().timestamp())
        return AccessGate("http://payment", tokens, http, self.clock, breaker, timeout_seconds, shared)


async def unavailable(gate: AccessGate, user_id: UUID = USER) -> None:
    with pytest.raises(AccessUnavailable):
        await gate.access(user_id)


def kept(payment: Payment, version: int = 1, etag: str = "") -> KeptAccess:
    snapshot = AccessSnapshot.of({**payment.snapshot(str(USER)), "version": version})
    return KeptAccess.of(snapshot, etag or f'"{version}"', payment.clock())
