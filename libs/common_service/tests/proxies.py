"""A proxy before a database: it counts round trips, and can swallow everything, as a stopped server does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sandbox.servers.ports import free_port


@dataclass(slots=True)
class Proxy:
    """The address to connect to, and how often somebody there sent something and waited for what comes back."""

    url: str
    silence: asyncio.Event = field(default_factory=asyncio.Event)
    round_trips: int = 0


@contextlib.asynccontextmanager
async def proxy_before(database_url: str) -> AsyncIterator[Proxy]:
    """Listen on a port of its own."""
    open_ones = set[asyncio.StreamWriter]()
    account, _, rest = database_url.partition("@")
    host, _, name = rest.partition("/")
    server_host, _, server_port = host.partition(":")
    ours = free_port()
    proxy = Proxy(f"{account}@127.0.0.1:{ours}/{name}")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: int) -> None:
        while data := await reader.read(65536):
            proxy.round_trips += counted
            if not proxy.silence.is_set():
                writer.write(data)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(server_host, int(server_port))
        open_ones.update((writer, far_writer))
        await asyncio.gather(pump(reader, far_writer, 1), pump(far_reader, writer, 0), return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", ours)
    try:
        yield proxy
    finally:
        server.close()
        for writer in open_ones:
            writer.close()
