"""Who of those that a service calls is told which trace the call is part of."""

import asyncio
from uuid import uuid4

import pytest
from fastapi import FastAPI
from structlog.contextvars import bound_contextvars

from common_auth.errors import KeysUnavailable
from common_auth.surroundings import surroundings
from common_auth.testing import TestIssuer
from common_service.settings import ServiceSettings
from common_service.testing import NOWHERE

pytestmark = pytest.mark.anyio
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
GRANT = b'{"access_token": "t", "expires_in": 60}'


async def test_the_issuer_is_not_told_the_trace_and_services_are(issuer: TestIssuer) -> None:
    heard: dict[str, str] = {}

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        heard[head.split()[1]] = head
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(GRANT), GRANT))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(record, "127.0.0.1", 0)
    here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    urls = {"cognito_jwks_url": f"{here}/keys", "cognito_token_url": f"{here}/token"}
    around = surroundings(ServiceSettings(**NOWHERE | urls), {})
    async with server, around.lifespan(FastAPI()):
        with bound_contextvars(traceparent=TRACE):
            assert await around.tokens.token() == "t"
            with pytest.raises(KeysUnavailable):
                await around.people.access(issuer.reader(uuid4()))
            await around.http.get(f"{here}/service")
    told = {path for path, head in heard.items() if "traceparent" in head or "x-amzn-trace-id" in head}
    assert (set(heard), told) == ({"/keys", "/token", "/service"}, {"/service"})
