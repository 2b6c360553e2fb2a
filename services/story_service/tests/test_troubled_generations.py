"""What an admin sees of generations that failed, or that nobody ends."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from common_auth.testing import TestIssuer
from common_service.database import Database
from services.story_service.tests.plans import scans_a_table
from services.story_service.tests.worlds import NOON, OTHER, CountedWork, World
from story_service.domain.errors import WriterFailed
from story_service.domain.generation import Trouble

pytestmark = pytest.mark.anyio
PATH = "/internal/v1/generations"


async def test_failed_ones_are_listed_and_stuck_ones_until_somebody_ends_them(
    world: World, app: FastAPI, issuer: TestIssuer
) -> None:
    world.writer.scripts = [[WriterFailed("provider_malformed")]]
    failed = []
    for number in range(3):
        failed.append(str((await world.ended(await world.ask(f"key-{number}"))).id))
        world.clock.now += timedelta(seconds=1)
    world.writer.scripts = [[asyncio.Event()]]
    held = await world.ask("held", user_id=OTHER)
    await world.until_called()
    await world.kill(held)
    acting = issuer.reader(OTHER, groups=["admin"])
    headers = {"Authorization": f"Bearer {issuer.service('story/admin')}", "X-Actor-Token": acting}
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://story", headers=headers) as http:

        async def listed(**wanted: Any) -> Any:
            answer = await http.get(PATH, params=wanted)
            assert answer.status_code == 200, answer.text
            return answer.json()

        first = await listed(limit=2)
        assert [one["id"] for one in first["items"]] == [failed[2], failed[1]]
        assert (first["items"][0]["error_code"], first["items"][0]["attempt"]) == ("provider_malformed", 1)
        rest = await listed(limit=2, cursor=first["next_cursor"])
        assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == (failed[:1], None)
        assert (await listed(trouble="stuck"))["items"] == []
        world.clock.now += timedelta(minutes=10)
        assert [one["user_id"] for one in (await listed(trouble="stuck"))["items"]] == [str(OTHER)]
        assert (await http.get(PATH, headers={"X-Actor-Token": issuer.reader(OTHER)})).status_code == 403


async def test_they_are_found_by_their_index(database: Database) -> None:
    async with CountedWork(database) as work:
        asked = [lambda kind=kind: work.generations.troubled(kind, NOON, before=None, most=5) for kind in Trouble]
        for ask in asked:
            assert await scans_a_table(work, ask) == 1
