"""Both ends of every event are held to its schema: what each service puts on the wire, and what each can read."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args
from uuid import UUID, uuid4

import jsonschema_rs
import orjson
import psycopg
import pytest
from psycopg import sql
from redis.asyncio import Redis
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_service.infrastructure.tables import ArchiveRow
from common_events.envelope import Envelope
from common_events.handlers import AfterCommit, Many
from common_service.database import Database
from common_service.ids import uuid7
from sandbox.servers.redis import running_redis
from story_service.domain.events import Event as StoryEvent
from tests.contract.event_consumers import A_PLAN, HEARD_SOURCES, database_of_hearers, handlers
from tests.contract.event_producers import CAUSE, REQUEST, TRACE, Wire, story_tells, told_over_the_wire, user_tells
from tools.asyncapi import CONSUMERS, DOCUMENT, FLOWS, Kind, document, kinds, message, schema, written
from user_service.domain.events import Event as UserEvent

pytestmark = pytest.mark.anyio
KINDS = kinds()
NAMES = ["envelope", *map(str, KINDS)]
HEARD = [(consumer, kind) for consumer in CONSUMERS for kind in KINDS if consumer in FLOWS[kind.type].consumers]
WITH_EMAIL = {"user.registered", "user.updated"}
ROOT = Path(__file__).resolve().parents[2]
TELLING = (
    "user_service/user_service/infrastructure/facts.py",
    "payment_service/payment_service/domain/events.py",
    "story_service/story_service/infrastructure/facts.py",
    "story_service/story_service/infrastructure/cases/facts.py",
    "story_service/story_service/infrastructure/desk/facts.py",
)
PROSE = ("keeper", "harbour", "[[unsafe")  # of the prompts and stories that story_service was given


def checker(found: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(found, validate_formats=True, ignore_unknown_formats=False)


def exact(node: Any) -> Any:
    """Return the schema as it binds a producer: every name that it declares is there, and no other."""
    if isinstance(node, list):
        return [exact(item) for item in node]
    if not isinstance(node, dict):
        return node
    own = {key: value if key in {"if", "then", "else"} else exact(value) for key, value in node.items()}
    if "type" in node and isinstance(properties := node.get("properties"), dict):
        own |= {"required": list(properties), "additionalProperties": False}
    return own


def older(node: Mapping[str, Any], value: Any) -> Any:
    """Return what the first producer of a version may have sent: what is required, and nothing else."""
    if isinstance(value, list):
        return [older(node.get("items", {}), item) for item in value]
    if not isinstance(value, dict) or "properties" not in node:
        return value
    return {name: older(node["properties"][name], value[name]) for name in node["required"]}


def newer(node: Mapping[str, Any], value: Any) -> Any:
    """Return what tomorrow's producer of the same version may send: more names, wherever there are names."""
    if isinstance(value, list):
        return [newer(node.get("items", {}), item) for item in value]
    if not isinstance(value, dict) or "properties" not in node:
        return value
    own = {name: newer(node["properties"].get(name, {}), item) for name, item in value.items()}
    return own | {"shoe_size": {"eu": [44]}}


def spoilt(node: Mapping[str, Any], value: Any) -> Iterator[Any]:
    """Yield the value with one thing wrong each time: a required name missing, or something else in its place."""
    if isinstance(value, list):
        for n, item in enumerate(value):
            yield from ([*value[:n], bad, *value[n + 1 :]] for bad in spoilt(node.get("items", {}), item))
    if not isinstance(value, dict) or "properties" not in node:
        return
    for name in node["required"]:
        yield {key: item for key, item in value.items() if key != name}
    for name, item in value.items():
        yield value | {name: [["wrong"]]}
        yield from (value | {name: bad} for bad in spoilt(node["properties"][name], item))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """Return the address of an empty database."""
    server, name = os.environ["TEST_DATABASE_URL"], f"events_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"{server.rpartition('/')[0]}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="module")
def told(database_url: str, redis_url: str) -> list[Wire]:
    """Return everything that the services tell, as it comes out of Redis."""

    async def tell() -> list[Wire]:
        async with Redis.from_url(redis_url) as redis:
            return await told_over_the_wire(database_url, redis)

    return asyncio.run(tell())


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as redis:
        yield redis


@pytest.fixture(scope="module")
def hearers_url() -> Iterator[str]:
    with database_of_hearers() as url:
        yield url


@pytest.fixture
async def admin(hearers_url: str) -> AsyncIterator[AsyncSession]:
    """Open a transaction over the tables of those who write what they hear; it is never committed."""
    database = Database(hearers_url, pool_size=1)
    async with database.session() as session:
        await session.execute(text(A_PLAN))
        yield session
    await database.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_schema_are_what_a_producer_sends(name: str) -> None:
    found = schema(name)
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **found})
    assert found["title"] == (name.rpartition(".v")[0] or name)
    assert found["examples"]
    for example in found["examples"]:
        checker(exact(found)).validate(example)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_takes_older_and_newer_events_of_its_version_and_no_spoilt_one(name: str) -> None:
    found = schema(name)
    check, binding = checker(found), checker(exact(found))
    for example in found["examples"]:
        check.validate(older(found, example))
        check.validate(newer(found, example))
        assert not binding.is_valid(newer(found, example))
        for mistake in spoilt(found, example):
            assert not check.is_valid(mistake), mistake


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("envelope", {"time": "2026-11-21T12:00:00"}),
        ("envelope", {"time": "2026-11-21T13:00:00+01:00"}),
        ("envelope", {"type": "UserRegistered"}),
        ("envelope", {"aggregate_version": 0}),
        ("envelope", {"traceparent": "no trace"}),
        ("payment.succeeded.v1", {"amount": 9.99}),
        ("payment.succeeded.v1", {"amount": 0}),
        ("payment.succeeded.v1", {"currency": "USD"}),
        ("payment.failed.v1", {"attempt": 0}),
        ("access.changed.v1", {"state": "canceled"}),
        ("access.changed.v1", {"next_change_at": "tomorrow"}),
        ("access.changed.v1", {"features": {"chats.day": {"kind": "limit", "window": "day"}}}),
        ("access.changed.v1", {"features": {"chats.day": {"kind": "limit", "limit": -1, "window": "day"}}}),
        ("generation.closed.v1", {"state": "running"}),
        ("generation.closed.v1", {"usage": None}),
        ("generation.closed.v1", {"billing": "released"}),
        ("usage.settled.v1", {"lines": []}),
        ("moderation.decided.v1", {"reason_codes": []}),
        ("user.updated.v1", {"changed": ["password"]}),
        ("user.registered.v1", {"email": "ann"}),
        ("story.created.v1", {"story_id": "1"}),
    ],
)
def test_a_schema_knows_a_likely_mistake(name: str, wrong: dict[str, Any]) -> None:
    found = schema(name)
    assert not checker(found).is_valid(found["examples"][0] | wrong)


def test_every_type_has_a_schema_of_every_version_and_no_schema_is_an_orphan() -> None:
    assert {kind.type for kind in KINDS} == FLOWS.keys()
    for kind in KINDS:
        assert Kind(kind.type, max(1, kind.version - 1)) in KINDS


def test_every_type_is_told_and_nothing_else(told: list[Wire]) -> None:
    latest = {kind.type: kind.version for kind in KINDS}
    assert {(event["type"], event["schema_version"]) for event in told} == set(latest.items())


async def test_nothing_can_be_told_that_was_not() -> None:
    assert {type(event) for event in await user_tells()} == set(get_args(UserEvent))
    assert {type(event) for event in await story_tells()} == set(get_args(StoryEvent))
    sources = "".join((ROOT / "services" / file).read_text(encoding="utf-8") for file in TELLING)
    assert set(re.findall(r'"([a-z]+\.[a-z_]+)"', sources)) <= FLOWS.keys()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_is_told_is_what_the_schema_says(told: list[Wire], kind: Kind) -> None:
    heard = [event for event in told if (event["type"], event["schema_version"]) == (kind.type, kind.version)]
    envelope, data = checker(exact(schema("envelope"))), checker(exact(schema(str(kind))))
    for event in heard:
        envelope.validate(event)
        data.validate(event["data"])
        assert event["source"] == FLOWS[kind.type].source
        assert UUID(event["id"]).version == 7
        assert (event["correlation_id"], event["causation_id"], event["traceparent"]) == (REQUEST, str(CAUSE), TRACE)
        expected = message(kind, event["data"])
        assert (event["subject"] is None) == (expected["subject"] is None)
        if FLOWS[kind.type].one_order == "person":
            assert event["partition_key"] == event["subject"] == event["data"].get("user_id", event["subject"])
        elif event["subject"] is not None:
            assert event["partition_key"] == expected["partition_key"]
        known = event["data"].get("version", event["data"].get("ledger_seq", event["aggregate_version"]))
        assert event["aggregate_version"] == known


def test_no_address_no_prose_and_no_secret_is_told(told: list[Wire]) -> None:
    for event in told:
        words = orjson.dumps(event).decode()
        assert ("@" in words) == (event["type"] in WITH_EMAIL), event["type"]
        assert not [word for word in (*PROSE, "whsec_", "sk_", "Bearer ") if word in words]


@pytest.mark.parametrize(("consumer", "kind"), HEARD, ids=str)
async def test_a_consumer_reads_every_version_older_and_newer(
    admin: AsyncSession, redis: Redis, consumer: str, kind: Kind
) -> None:
    found = schema(str(kind))
    shapes = [
        shape for example in found["examples"] for shape in (example, older(found, example), newer(found, example))
    ]
    events = [message(kind, shape) | {"id": str(uuid7())} for shape in shapes]
    for event in events:
        checker(schema("envelope")).validate(event)
        envelope = Envelope.of(orjson.dumps(newer(schema("envelope"), event)))
        match handlers(consumer, redis)[kind.type]:
            case AfterCommit(effect):
                await effect(envelope)
            case Many(apply):
                await apply(admin, [envelope])
            case handler:
                await handler(admin, envelope)
    if consumer == "admin":
        archive = (await admin.execute(select(ArchiveRow.event_id, ArchiveRow.envelope))).all()
        assert {str(event_id) for event_id, _ in archive} == {event["id"] for event in events}
        assert not any("@" in orjson.dumps(kept).decode() for _, kept in archive)


async def test_consumers_read_what_the_table_says(redis: Redis) -> None:
    for consumer in CONSUMERS:
        assert handlers(consumer, redis).keys() == {kind.type for known, kind in HEARD if known == consumer}
    for consumer, heard in HEARD_SOURCES.items():
        assert {FLOWS[kind.type].source for known, kind in HEARD if known == consumer} == set(heard)


def test_the_asyncapi_document_is_what_the_schemas_say() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == written(), "run `make asyncapi` and commit it with the change"


def test_the_asyncapi_document_refers_to_what_it_holds() -> None:
    whole = document()
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', written()):
        place: Any = whole
        for step in reference.split("/"):
            place = place[step]
    for name, told_message in whole["components"]["messages"].items():
        check = checker({**told_message["payload"], "components": whole["components"]})
        for example in told_message["examples"]:
            check.validate(example["payload"])
            assert not check.is_valid(example["payload"] | {"type": "another.type"}), name
