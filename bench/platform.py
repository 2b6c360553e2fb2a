"""story_service as production runs it, on servers of this run: Postgres, Redis, and a world that answers at once."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import orjson
import psycopg
import uvloop

from bench.load import post
from bench.upstream import World, answers
from common_auth.testing import ISSUER, WEB_CLIENT, TestIssuer
from common_service.testing import alembic
from sandbox.servers.ports import free_port
from sandbox.servers.postgres import Postgres, start_postgres
from sandbox.servers.redis import start_redis

ROOT = Path(__file__).resolve().parents[1]
_STORY = ROOT / "services" / "story_service"
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Process:
    """A server and where it listens."""

    url: str
    pid: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What every server of a run stands on."""

    world: Process
    postgres: Postgres
    redis_url: str
    issuer: TestIssuer
    logs: Path


@contextmanager
def ground(*, durable: bool = False) -> Iterator[Ground]:
    """Start the servers and migrate; `durable` makes commits wait for the disk."""
    issuer = TestIssuer()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        folder.chmod(0o755)  # Postgres runs as another user when root runs this
        (folder / "postgres").mkdir(mode=0o755)
        postgres = start_postgres(folder / "postgres", durable=durable)
        stack.callback(postgres.stop)
        redis = start_redis(folder / "redis", durable=durable)
        stack.callback(redis.stop)
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS story")
        alembic(_STORY, postgres.url, "upgrade", "head")
        world = stack.enter_context(_world(issuer.jwks()))
        yield Ground(world, postgres, redis.url, issuer, folder)


@contextmanager
def story(place: Ground, pace: str = "/v1", **settings: str) -> Iterator[Process]:
    """Run story_service's HTTP process; `pace` is the model's."""
    port, world = free_port(), place.world.url
    own = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "DATABASE_URL": place.postgres.url,
        "REDIS_URL": place.redis_url,
        "COGNITO_ISSUER": ISSUER,
        "COGNITO_JWKS_URL": f"{world}/jwks",
        "COGNITO_CLIENT_ID": WEB_CLIENT,
        "COGNITO_TOKEN_URL": f"{world}/token",
        "SERVICE_CLIENT_ID": "story",
        "SERVICE_CLIENT_SECRET": "of this run",
        "PAYMENT_BASE_URL": world,
        "OPENAI_API_KEY": "of this run",
        "OPENAI_BASE_URL": f"{world}{pace}",
        "LOG_LEVEL": "INFO",
    }
    words = [sys.executable, "-m", "story_service.main"]
    with serving(words, own | settings, port, "/readyz", place.logs / "story.log") as process:
        yield process


@contextmanager
def serving(words: list[str], environment: dict[str, str], port: int, ready: str, log: Path) -> Iterator[Process]:
    """Run a server until the block ends; begin when it is ready."""
    url = f"http://127.0.0.1:{port}"
    with log.open("ab") as output:
        child = subprocess.Popen(words, env=environment, stdout=output, stderr=output, cwd=log.parent)
    try:
        _wait_for(url + ready, child, log)
        yield Process(url, child.pid)
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is signed in, with a conversation."""

    token: str
    conversation_id: str

    def say(self) -> bytes:
        """Return the request that says something and reads the reply as it is written."""
        body = orjson.dumps({"content": "Where were you when the lights went out at the harbour?"})
        path = f"/story/v1/conversations/{self.conversation_id}/messages"
        return post(
            path,
            body,
            Accept="text/event-stream",
            Authorization=f"Bearer {self.token}",
            Idempotency_Key=str(uuid4()),
        )


async def readers(place: Ground, at: Process, number: int) -> list[Reader]:
    """Sign in new readers, each in a new conversation with an investigator of the house."""
    with psycopg.connect(place.postgres.url) as connection:
        row = connection.execute("SELECT id FROM story.characters WHERE visibility = 'house' ORDER BY name").fetchone()
    assert row is not None
    async with httpx2.AsyncClient(base_url=at.url) as http:
        return list(await asyncio.gather(*(_reader(place.issuer, http, row[0]) for _ in range(number))))


async def _reader(issuer: TestIssuer, http: httpx2.AsyncClient, character_id: UUID) -> Reader:
    token = issuer.reader()
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
    wanted = {"character_ids": [str(character_id)]}
    answer = await http.post("/story/v1/conversations", json=wanted, headers=headers, timeout=30)
    assert answer.status_code == httpx2.codes.CREATED, answer.text
    return Reader(token, answer.json()["id"])


@contextmanager
def _world(jwks: object) -> Iterator[Process]:
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_answer, args=(jwks, there), daemon=True)
    process.start()
    there.close()
    try:
        port: int = here.recv()
        assert process.pid is not None
        yield Process(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        process.join(timeout=5)


def _answer(jwks: object, pipe: "Pipe[int, int]") -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve_world(jwks, pipe))


async def _serve_world(jwks: object, pipe: "Pipe[int, int]") -> None:
    told = answers(jwks)
    server = await asyncio.get_running_loop().create_server(lambda: World(told), "127.0.0.1", 0, backlog=4096)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _wait_for(url: str, child: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if child.poll() is not None:
            break
        try:
            if httpx2.get(url, timeout=2).status_code == httpx2.codes.OK:
                return
        except httpx2.HTTPError:
            time.sleep(0.1)
    raise SystemExit(f"It does not serve: {log.read_text(errors='replace')[-2000:]}")
