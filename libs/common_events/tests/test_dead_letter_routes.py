"""Dead letters over HTTP: pages without a word of what the events say, and once more for whoever asks."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import Depends, HTTPException, Request

from common_events.consumer import Consumer
from common_events.dead_letter_routes import DEAD_LETTER_PROBLEMS, dead_letter_routes
from common_events.dead_letters import DeadLetters
from common_events.envelope import Envelope
from common_service.app import create_service_app
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.problems import ProblemTable
from libs.common_events.tests.applying import TABLES, World, event, poison, running, until_listed

pytestmark = pytest.mark.anyio
LETTERS = "/internal/v1/dead-letters"
NO_LETTER = "01a200f4-9123-7d94-bd95-b2b7d56e2031"


def door(name: str) -> dict[str, Any]:
    async def refuse(request: Request) -> None:
        if name not in request.headers.get("x-may", ""):
            raise HTTPException(403)

    return {"dependencies": [Depends(refuse)]}


@pytest.fixture
async def http(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of an application that has the routes, and who may do both."""

    async def ready() -> None: ...

    problems = ProblemTable(DEAD_LETTER_PROBLEMS)
    cursors = Cursors("a secret of the tests")
    routes = dead_letter_routes(database, TABLES, cursors, reads=door("read"), writes=door("write"), problems=problems)
    app = create_service_app(title="kit", prefix="/kit", routers=[routes], problems=problems, ready=ready)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    may = {"x-may": "read write"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://kit", headers=may) as client:
        yield client


async def bury(database: Database, *events: Envelope, consumer: str = "c") -> None:
    async with database.session() as session:
        for each in events:
            await DeadLetters(TABLES.dead_letters).keep(session, consumer, each, ValueError("secret words"), 3)
        await session.commit()


async def page(http: httpx2.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await http.get(LETTERS, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_letter_tells_what_and_why_but_not_what_the_event_says(
    database: Database, http: httpx2.AsyncClient
) -> None:
    assert await page(http) == {"items": [], "next_cursor": None}
    dead = event(1, "key")
    dead.data["said"] = "secret words"
    await bury(database, dead)
    answer = await http.get(LETTERS)
    [item] = answer.json()["items"]
    times = {name: item.pop(name) for name in ("first_failed_at", "last_failed_at")}
    assert all(times.values())
    assert item == {
        "consumer": "c",
        "event_id": str(dead.id),
        "type": "kit.happened",
        "source": "kit",
        "partition_key": "key",
        "reason": "ValueError",
        "attempts": 3,
        "redriven_at": None,
    }
    assert "secret" not in answer.text


async def test_pages_hold_every_letter_once_though_one_fails_again_meanwhile(
    database: Database, http: httpx2.AsyncClient
) -> None:
    dead = [event(n) for n in range(5)]
    await bury(database, *dead)  # at one moment
    await bury(database, dead[0], consumer="d")
    seen, cursor = list[tuple[str, str]](), None
    while cursor is not None or not seen:
        found = await page(http, limit=2, **({} if cursor is None else {"cursor": cursor}))
        seen += [(item["consumer"], item["event_id"]) for item in found["items"]]
        cursor = found["next_cursor"]
        await bury(database, dead[2])
    expected = {("c", str(each.id)) for each in dead} | {("d", str(dead[0].id))}
    assert (len(seen), set(seen)) == (6, expected)


async def test_a_letter_is_applied_once_however_often_it_is_asked_for(world: World, http: httpx2.AsyncClient) -> None:
    world.fail = poison("a1")
    dead = event(1, "a")
    await world.publisher.publish([dead])
    redrive = f"{LETTERS}/c/{dead.id}/redrive"
    consumer: Consumer = world.consumer(pauses=(0.01,))
    async with running(consumer):
        await until_listed(world, 1)
    asked = [await http.post(redrive) for _ in range(2)]
    assert [(each.status_code, each.json()) for each in asked] == [
        (202, {"consumer": "c", "event_id": str(dead.id)})
    ] * 2
    [item] = (await page(http))["items"]
    assert item["redriven_at"] is not None
    world.fail = poison()
    async with running(consumer):
        await world.until("a1")
        await until_listed(world, 0)
    assert (await http.post(redrive)).status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"c/{NO_LETTER}/redrive", 404, "not_found"),
        ("c/no-id/redrive", 422, "validation_failed"),
        (f"No name/{NO_LETTER}/redrive", 422, "validation_failed"),
    ],
)
async def test_what_is_no_letter_is_refused(http: httpx2.AsyncClient, path: str, status: int, code: str) -> None:
    answer = await http.post(f"{LETTERS}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_each_route_has_its_own_door_and_the_list_its_own_cursors(http: httpx2.AsyncClient) -> None:
    only = {"x-may": "read"}
    assert (await http.get(LETTERS, headers=only)).status_code == 200
    assert (await http.get(LETTERS, headers={"x-may": "write"})).status_code == 403
    assert (await http.post(f"{LETTERS}/c/{NO_LETTER}/redrive", headers=only)).status_code == 403
    answer = await http.get(LETTERS, params={"cursor": Cursors("another").make({"at": "x"}, of="dead_letters")})
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")
