"""The two kinds of process, started as they are in production and told to stop."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import orjson
import pytest

from common_service.serving import KEEP_ALIVE_SECONDS
from sandbox.servers.ports import free_port, is_listening

WORKER = """
import asyncio, sys
from common_service.jobs import Job
from common_service.serving import Background, work
from common_service.settings import ServiceSettings

async def polite(stop):
    await stop.wait()
    print("polite ended", flush=True)

async def stubborn(stop):
    try:
        await asyncio.sleep(60)
    finally:
        print("stubborn cancelled", flush=True)

async def ready(): ...
async def close():
    print("closed", flush=True)

jobs = [Job("polite", polite), Job("stubborn", stubborn)][: int(sys.argv[1])]
work("kit", Background(ready, [close], jobs), ServiceSettings())
"""
SERVICE = """
import asyncio
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from common_service.app import create_service_app
from common_service.problems import ProblemTable
from common_service.serving import serve
from common_service.settings import ServiceSettings

routes = APIRouter()

@routes.get("/stream")
async def stream() -> StreamingResponse:
    async def parts():
        for n in range(8):
            yield f"{n}\\n"
            await asyncio.sleep(0.1)
    return StreamingResponse(parts())

async def ready(): ...
serve(create_service_app(title="kit", prefix="/kit", routers=[routes], problems=ProblemTable(), ready=ready),
      ServiceSettings())
"""
EVENTS = """
import asyncio
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from common_service.app import create_service_app
from common_service.draining import Drain, farewell
from common_service.problems import ProblemTable
from common_service.serving import serve
from common_service.settings import ServiceSettings

routes, drain = APIRouter(), Drain()

@routes.get("/events")
async def events(request: Request) -> StreamingResponse:
    async def log():
        for n in range(int(request.headers.get("last-event-id", 0)) + 1, 6):
            yield n
        await asyncio.sleep(60)
    async def parts():
        async for n in drain.until_ending(log()):
            yield f"id: {n}\\ndata: part {n}\\n\\n"
        yield farewell()
    return StreamingResponse(parts(), media_type="text/event-stream")

@routes.get("/slow")
async def slow() -> dict[str, bool]:
    print("slow began", flush=True)
    await drain.ending.wait()
    await asyncio.sleep(0.3)
    return {"done": True}

async def ready(): ...
serve(create_service_app(title="kit", prefix="/kit", routers=[routes], problems=ProblemTable(), ready=ready,
                         drain=drain), ServiceSettings())
"""
Start = Callable[..., tuple["subprocess.Popen[str]", str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    children: list[subprocess.Popen[str]] = []

    def begin(program: str, *words: str, **settings: str) -> tuple["subprocess.Popen[str]", str]:
        port, path = free_port(), tmp_path / "program.py"
        path.write_text(program)
        issuer = {"COGNITO_ISSUER": "http://127.0.0.1:1/pool", "COGNITO_JWKS_URL": "http://127.0.0.1:1/jwks"}
        service = {"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x", "COGNITO_CLIENT_ID": "web"}
        environment = {**os.environ, **issuer, **service, **settings, "PORT": str(port)}
        child = subprocess.Popen(
            [sys.executable, str(path), *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        children.append(child)
        deadline = time.monotonic() + 20
        while not is_listening(port):
            assert child.poll() is None, child.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return child, f"http://127.0.0.1:{port}"

    yield begin
    for child in children:
        child.kill()
        child.communicate()


def end(child: "subprocess.Popen[str]", how: signal.Signals = signal.SIGTERM) -> tuple[str, float]:
    started = time.monotonic()
    child.send_signal(how)
    return ended(child), time.monotonic() - started


def ended(child: "subprocess.Popen[str]") -> str:
    """Wait for the end of what was told already: after that, a signal may meet an interpreter on its way out.

    10 s is less than the minute of a job that does not end, and than the 30 s that requests are given.
    """
    output, _ = child.communicate(timeout=10)
    assert child.returncode == 0, output
    return output


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_lets_its_jobs_end(start: Start, how: signal.Signals) -> None:
    child, _ = start(WORKER, "1")
    output, seconds = end(child, how)
    assert "polite ended\nclosed" in output
    assert "Traceback" not in output
    assert seconds < 2


def test_a_worker_cancels_a_job_that_does_not_end(start: Start) -> None:
    child, url = start(WORKER, "2")
    assert httpx2.get(f"{url}/healthz").json() == {"status": "up"}
    assert httpx2.get(f"{url}/readyz").status_code == 200
    assert "python_info" not in httpx2.get(f"{url}/metrics").text
    output, seconds = end(child)
    assert "polite ended\nstubborn cancelled\nclosed" in output
    assert "Traceback" not in output
    assert seconds < 4


def test_a_worker_without_jobs_stops_cleanly(start: Start) -> None:
    child, _ = start(WORKER, "0")
    output, seconds = end(child)
    assert "closed" in output
    assert "Traceback" not in output
    assert seconds < 2


def test_a_service_lets_an_open_stream_end_before_it_stops(start: Start) -> None:
    child, url = start(SERVICE, METRICS_EXPORTER="emf")
    with httpx2.stream("GET", f"{url}/stream") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "0"
        child.send_signal(signal.SIGTERM)
        assert list(lines) == [str(n) for n in range(1, 8)]
    output = ended(child)
    assert "Traceback" not in output
    told = [orjson.loads(line) for line in output.splitlines() if '"_aws"' in line]
    counted = [(line["service"], line["route"], line["http_requests"]) for line in told if "http_requests" in line]
    assert counted == [("kit", "/stream", 1)]


def test_open_event_streams_end_at_once_with_a_farewell(start: Start) -> None:
    child, url = start(EVENTS, SHUTDOWN_SECONDS="30")
    with ExitStack() as stack:
        streams = [stack.enter_context(httpx2.stream("GET", f"{url}/events")) for _ in range(3)]
        readers = [stream.iter_lines() for stream in streams]
        heads = [[next(lines) for _ in range(15)] for lines in readers]
        started = time.monotonic()
        child.send_signal(signal.SIGTERM)
        rests = [list(lines) for lines in readers]
        assert time.monotonic() - started < 5  # not the 30 seconds that requests have, nor the minute of the stream
    assert {tuple(head) for head in heads} == {tuple(part for n in range(1, 6) for part in _event(n))}
    for rest in rests:
        assert rest[0].startswith(": ")
        assert re.fullmatch(r"retry: \d{3,4}", rest[1])
        assert rest[2:] in ([], [""])
        assert "Traceback" not in ended(child)
        assert time.monotonic() - started < 8


def test_what_is_told_to_end_leaves_the_rotation_first_and_serves_on_until_nobody_sends(start: Start) -> None:
    child, url = start(EVENTS, DEREGISTRATION_SECONDS="30")
    with httpx2.Client() as http, http.stream("GET", f"{url}/events") as stream:
        lines = stream.iter_lines()
        assert [next(lines) for _ in range(3)] == _event(1)
        before = httpx2.get(f"{url}/readyz")
        assert (before.status_code, before.headers.get("connection")) == (200, None)
        child.send_signal(signal.SIGTERM)
        while (left := httpx2.get(f"{url}/readyz")).status_code == 200:
            time.sleep(0.01)
        assert (left.status_code, left.json()["code"], left.headers["connection"]) == (503, "unavailable", "close")
        assert httpx2.get(f"{url}/healthz").status_code == 200
        assert [next(lines) for _ in range(3)] == _event(2)  # the stream is not told yet
        child.send_signal(signal.SIGTERM)  # a second one cuts the waiting short
        assert any(line.startswith("retry: ") for line in lines)
    assert "Traceback" not in ended(child)


def test_a_running_request_is_answered_after_the_signal(start: Start) -> None:
    child, url = start(EVENTS, SHUTDOWN_SECONDS="30")
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(httpx2.get, f"{url}/slow")
        assert child.stdout is not None
        assert child.stdout.readline() == "slow began\n"
        child.send_signal(signal.SIGTERM)
        assert answer.result(20).json() == {"done": True}
    assert "Traceback" not in ended(child)


def _event(n: int) -> list[str]:
    return [f"id: {n}", f"data: part {n}", ""]


def test_a_body_over_the_limit_is_refused_over_a_socket_too(start: Start) -> None:
    child, url = start(SERVICE)
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 413")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:  # and HEAD has no body there
        client.sendall(b"HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while not received.endswith(b'{"status":"up"}'):
            part = client.recv(4096)
            assert part
            received += part
    head, _, rest = received.partition(b"\r\n\r\n")
    assert (head[:15], rest[:15]) == (b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK")
    assert "Traceback" not in end(child)[0]


def test_an_idle_connection_outlives_the_load_balancers_patience() -> None:
    rules = orjson.loads((Path(__file__).parents[3] / "deploy" / "alb" / "rules.json").read_bytes())
    assert rules["load_balancer"]["idle_timeout_seconds"] < KEEP_ALIVE_SECONDS
