"""How the runner learns that a process is ready: None when it is, else the reason why not yet."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson

Probe = Callable[[], Awaitable[str | None]]
_PATIENCE = 2.0


def answering(url: str) -> Probe:
    """Be ready when a GET of `url` says 200."""

    async def probe() -> str | None:
        try:
            status, body = await get(url)
        except (TimeoutError, OSError, ValueError) as error:
            return f"no answer at {url} ({error or 'too slow'})"
        return None if status == 200 else f"{url} says {status} {detail(body)}".rstrip()

    return probe


def listening(*ports: int) -> Probe:
    """Be ready when every one of `ports` of this machine accepts connections."""

    async def probe() -> str | None:
        for port in ports:
            try:
                _reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), _PATIENCE)
            except (TimeoutError, OSError):
                return f"nothing listens on port {port}"
            writer.close()
        return None

    return probe


def all_healthy(url: str) -> Probe:
    """Be ready when the load balancer whose status is at `url` sends traffic to every target."""

    async def probe() -> str | None:
        try:
            _status, body = await get(url)
            targets = orjson.loads(body)["targets"]
        except (OSError, TimeoutError, ValueError, KeyError) as error:
            return f"no answer at {url} ({error or 'too slow'})"
        sick = [f"{target['name']} ({target['reason']})" for target in targets if target["state"] != "healthy"]
        return f"it does not reach {', '.join(sick)}" if sick else None

    return probe


def saying_yes(question: Callable[[], bool]) -> Probe:
    """Be ready when the blocking `question`, asked in a thread, is answered with yes."""

    async def probe() -> str | None:
        return None if await asyncio.to_thread(question) else "no answer"

    return probe


async def get(url: str) -> tuple[int, bytes]:
    """Return status and body of a plain HTTP GET on this machine; a client library would take longer to import."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    async with asyncio.timeout(_PATIENCE):
        reader, writer = await asyncio.open_connection(name, int(port or 80))
        try:
            writer.write(f"GET /{path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read(-1)
        finally:
            writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1] if b" " in head else b"0"), body


def detail(body: bytes) -> str:
    """Return the sentence of a problem document, or nothing."""
    try:
        problem = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(problem.get("detail") or problem.get("title") or "") if isinstance(problem, dict) else ""
