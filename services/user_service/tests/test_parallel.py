"""The first calls of one person at once, on real Postgres, and what the relay will find afterwards."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from common_auth.testing import TestIssuer
from common_service.database import Database
from services.user_service.tests.conftest import SignedIn
from user_service.application.ports import StartWork
from user_service.infrastructure.repositories import SqlUserWork
from user_service.infrastructure.tables import MESSAGING, IdentityRow, SettingsRow, UserRow

pytestmark = pytest.mark.anyio


@pytest.fixture
def app(make_app: Callable[[StartWork], FastAPI], database: Database) -> FastAPI:
    return make_app(lambda: SqlUserWork(database))


async def facts(database: Database) -> list[Any]:
    async with database.session() as session:
        return list(await session.execute(select(MESSAGING.outbox).order_by(MESSAGING.outbox.c.seq)))


@pytest.mark.parametrize("attempt", range(5))
async def test_twenty_first_calls_of_one_person_make_one_profile_and_one_fact(
    app: FastAPI,
    database: Database,
    issuer: TestIssuer,
    attempt: int,  # noqa: ARG001 - a race needs more than one chance
) -> None:
    ann = SignedIn(issuer, uuid4(), "ann@truecrime.test")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://user") as http:
        calls = [http.post("/user/v1/me", headers=ann.headers, json=ann.proof) for _ in range(20)]
        answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    async with database.session() as session:
        for row in (UserRow, IdentityRow, SettingsRow):
            assert len((await session.scalars(select(row))).all()) == 1
    (fact,) = await facts(database)
    assert (fact.type, fact.subject, fact.partition_key) == ("user.registered", ann.user_id, str(ann.user_id))


async def test_twenty_people_with_one_address_get_one_profile(
    app: FastAPI, database: Database, issuer: TestIssuer
) -> None:
    people = [SignedIn(issuer, uuid4(), "ann@truecrime.test") for _ in range(20)]
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://user") as http:
        calls = [http.post("/user/v1/me", headers=person.headers, json=person.proof) for person in people]
        answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    assert len(await facts(database)) == 1


async def test_each_fact_carries_all_that_an_index_holds(app: FastAPI, database: Database, issuer: TestIssuer) -> None:
    ann = SignedIn(issuer, uuid4(), "ann@truecrime.test")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://user") as http:
        await http.post("/user/v1/me", headers=ann.headers, json=ann.proof)
        tagged = ann.headers | {"If-Match": '"1"', "X-Request-Id": "req-7"}
        await http.patch("/user/v1/me", headers=tagged, json={"country": "GB"})
    registered, updated = await facts(database)
    snapshot = {
        "user_id": str(ann.user_id),
        "email": "ann@truecrime.test",
        "display_name": None,
        "locale": "en",
        "status": "active",
    }
    assert registered.payload == {**snapshot, "country": None, "version": 1}
    assert updated.payload == {**snapshot, "country": "GB", "version": 2, "changed": ["country"]}
    assert (updated.type, updated.aggregate_version, updated.correlation_id) == ("user.updated", 2, "req-7")
