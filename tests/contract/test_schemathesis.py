"""Schemathesis, with all its checks, over every contract as the running platform serves it, with real tokens."""

import asyncio
import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from sandbox.demo.platform import load_platform
from sandbox.demo.visitor import Visitor

pytestmark = pytest.mark.timeout(900)

_CONFIG = Path(__file__).with_name("schemathesis.toml")
_EXAMPLES = "10"
_AUDIENCES = [
    ("user", "public"),
    ("user", "internal"),
    ("story", "public"),
    ("story", "internal"),
    ("payment", "public"),
    ("payment", "internal"),
    ("admin", "public"),
    ("admin", "internal"),
]


@pytest.fixture
def tokens(platform: Any) -> Iterator[dict[str, str]]:
    """Access tokens of a subscriber, an admin, and admin_service. Whom the fuzzer suspended is let in afterwards."""
    world = load_platform(platform.file)

    async def sign_in(role: str) -> str:
        async with Visitor(world, world.people[role], world.password) as visitor:
            await visitor.sign_in()
            return str(visitor.tokens["access_token"])

    people = {role: asyncio.run(sign_in(role)) for role in ("subscriber", "reader", "admin")}
    yield people | {"service": _service_token(platform.document["cognito"])}
    for role in ("subscriber", "reader"):
        path = f"/admin/v1/users/{_subject(people[role])}/status"
        admin = {"Authorization": f"Bearer {people['admin']}"}
        reinstated = httpx2.put(f"{world.web}{path}", headers=admin, json={"status": "active", "reason": "a test"})
        assert reinstated.status_code == httpx2.codes.OK, reinstated.text


@pytest.mark.parametrize(("service", "audience"), _AUDIENCES)
def test_the_contract_holds(platform: Any, tokens: dict[str, str], service: str, audience: str) -> None:
    if audience == "internal":
        headers = {"Authorization": f"Bearer {tokens['service']}", "X-Actor-Token": tokens["admin"]}
        operations = ["--include-path-regex", "^/internal/"]
    else:
        person = "admin" if service == "admin" else "subscriber"
        headers = {"Authorization": f"Bearer {tokens[person]}"}
        operations = ["--include-path-regex", "^/(?!internal/)"]
    address = f"{platform.document['services'][service]['url']}/{service}/v1/openapi.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIG), "run", address),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", _EXAMPLES, "--seed", "7", "--continue-on-failure", "--suppress-health-check", "all"),
            *operations,
            *(word for name, value in headers.items() for word in ("--header", f"{name}: {value}")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]


def _subject(token: str) -> str:
    payload = token.split(".")[1]
    return str(orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"])


def _service_token(cognito: dict[str, Any]) -> str:
    clients = orjson.loads(Path(cognito["service_clients_file"]).read_bytes())
    client = clients["admin-service"]
    secret = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    grant = {"grant_type": "client_credentials"}
    answer = httpx2.post(cognito["token_url"], data=grant, headers={"Authorization": f"Basic {secret}"})
    return str(answer.json()["access_token"])
