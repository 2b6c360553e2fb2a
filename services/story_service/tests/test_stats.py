"""What a reader has done, and how much that is among all readers."""

from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import insert

from common_auth.testing import TestIssuer
from common_service.app import create_service_app
from common_service.database import Database
from common_service.ids import uuid7
from common_service.testing import ready
from services.story_service.tests.worlds import NOON, OTHER, READER, Clock, CountedWork, World
from story_service.api.problems import FACES
from story_service.api.stats_routes import stats_routes
from story_service.application.read_stats import ReadStats
from story_service.domain.stats import percentile
from story_service.domain.usage import TOKENS
from story_service.infrastructure.statistics import SqlStatistics
from story_service.infrastructure.usage_tables import WindowRow

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("tokens", "bounds", "expected"),
    [(5, (), None), (0, range(1, 100), 0), (50, range(1, 100), 49), (1000, range(1, 100), 99), (7, [7] * 99, 0)],
)
def test_a_reader_stands_above_who_used_less(tokens: int, bounds: list[int], expected: int | None) -> None:
    assert percentile(tokens, bounds) == expected


async def test_a_reader_reads_own_counts_and_the_bounds_are_read_once_in_a_while(
    database: Database, issuer: TestIssuer
) -> None:
    world, clock = World(lambda: CountedWork(database)), Clock()
    await world.ended(await world.ask())
    read = ReadStats(SqlStatistics(database), clock)
    app = create_service_app(
        title="stats", prefix="/story", routers=[stats_routes(read, issuer.callers({}))], problems=FACES, ready=ready
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://story") as http:
        headers = {"Authorization": f"Bearer {issuer.reader(READER)}"}
        mine = (await http.get("/story/v1/me/stats", headers=headers)).json()
        assert (mine["stories"], mine["conversations"], mine["messages"], mine["percentile"]) == (1, 0, 0, 0)
        assert mine["tokens"] == (await world.settled())[TOKENS]
        window = {"user_id": OTHER, "meter": TOKENS, "window_start": NOON, "window_end": NOON + timedelta(days=1)}
        async with CountedWork(database) as work:
            rows = [{**window, "user_id": uuid7(), "settled": 1} for _ in range(3)]
            await work.session.execute(insert(WindowRow), rows)
            await work.commit()
        assert (await http.get("/story/v1/me/stats", headers=headers)).json()["percentile"] == 0
        clock.now = NOON + timedelta(minutes=11)
        assert (await http.get("/story/v1/me/stats", headers=headers)).json()["percentile"] == 75
