"""The two kinds of process, started as they are in production and told to stop."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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
Start = Callable[..., tuple["subprocess.Popen[str]", str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    children: list[subprocess.Popen[str]] = []

    def begin(program: str, *words: str) -> tuple["subprocess.Popen[str]", str]:
        port, path = free_port(), tmp_path / "program.py"
        path.write_text(program)
        issuer = {"COGNITO_ISSUER": "http://127.0.0.1:1/pool", "COGNITO_JWKS_URL": "http://127.0.0.1:1/jwks"}
        service = {"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x", "COGNITO_CLIENT_ID": "web"}
        environment = {**os.environ, **issuer, **service, "PORT": str(port)}
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
    output, _ = child.communicate(timeout=10)
    assert child.returncode in {0, -how, 128 + how}
    return output, time.monotonic() - started


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
    child, url = start(SERVICE)
    with httpx2.stream("GET", f"{url}/stream") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "0"
        child.send_signal(signal.SIGTERM)
        assert list(lines) == [str(n) for n in range(1, 8)]
    output, _ = end(child)
    assert "Traceback" not in output


def test_a_body_over_the_limit_is_refused_over_a_socket_too(start: Start) -> None:
    child, url = start(SERVICE)
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 413")
    assert "Traceback" not in end(child)[0]


def test_an_idle_connection_outlives_the_load_balancers_patience() -> None:
    rules = orjson.loads((Path(__file__).parents[3] / "deploy" / "alb" / "rules.json").read_bytes())
    assert rules["load_balancer"]["idle_timeout_seconds"] < KEEP_ALIVE_SECONDS
