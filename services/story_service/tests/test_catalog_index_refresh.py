"""The index of a process follows the catalog; titles are loaded in large numbers."""

import io
import json
from collections.abc import Sequence
from uuid import UUID

import pytest

from common_service.database import Database
from services.story_service.tests.test_catalog import a_title, listed
from services.story_service.tests.worlds import NOON, CountedWork
from story_service.application.catalog.read_catalog import Completions
from story_service.catalog import load_lines
from story_service.domain.catalog.entry import EntryType
from story_service.domain.catalog.folding import typed
from story_service.infrastructure.catalog.refreshing import CatalogRefresher

pytestmark = pytest.mark.anyio


def found(completions: Completions, text: str) -> list[str]:
    assert completions.index is not None
    return [hit.title for hit in completions.index.complete(typed(text), 10)]


@pytest.mark.parametrize("few", [1000, 0])  # packed in a thread; by a process of its own
async def test_the_index_learns_of_every_change(database: Database, database_url: str, few: int) -> None:
    completions = Completions()
    refresher = CatalogRefresher(database_url, completions, few=few)
    assert completions.index is None
    await refresher.look()
    assert found(completions, "The tide") == ["The Tide Table"]
    await refresher.look()
    async with CountedWork(database) as open_work:  # what began before others and ends after them is not missed
        await open_work.catalog.put(a_title(1, "Quillon Wharf"), NOON)
        await listed(lambda: CountedWork(database), a_title(2, "Quillon Weir", 5))
        await refresher.look()
        assert found(completions, "quilon") == ["Quillon Weir"]
        await open_work.commit()
    await refresher.look()
    assert found(completions, "quillon w") == ["Quillon Weir", "Quillon Wharf"]
    await listed(lambda: CountedWork(database), a_title(1, "Another Wharf"))
    async with CountedWork(database) as work:
        await work.catalog.remove(EntryType.TITLE, UUID(int=2), NOON)
        await work.commit()
    await refresher.look()
    assert found(completions, "quillon w") == []
    assert found(completions, "anohter") == ["Another Wharf"]


def told(lines: Sequence[str], database_url: str) -> tuple[int, str]:
    out = io.StringIO()
    code = load_lines(lines, database_url, out)
    return code, out.getvalue().splitlines()[-1]


async def test_loading_again_changes_what_differs(database_url: str) -> None:
    lines = [json.dumps({"title": f"Quillon {n}", "popularity": n}) for n in range(3000)]
    assert told([*lines, lines[0]], database_url) == (0, "3000 new, 0 changed, 0 as they were")
    lines[7] = json.dumps({"title": "Quillon 7", "popularity": 9000, "language": "en"})
    assert told(lines, database_url) == (0, "0 new, 1 changed, 2999 as they were")
    wrong = ["{", '{"title": ""}', '{"title": "?"}', '{"title": "a", "x": 1}', '{"title": "a", "popularity": -1}']
    assert told(wrong, database_url) == (1, "0 new, 0 changed, 0 as they were, 5 lines left out")
    completions = Completions()
    await CatalogRefresher(database_url, completions).look()
    assert found(completions, "quillon")[:3] == ["Quillon 7", "Quillon 2999", "Quillon 2998"]


async def test_many_changes_at_once_are_packed_anew(database_url: str, database: Database) -> None:
    completions = Completions()
    refresher = CatalogRefresher(database_url, completions, rest=0)
    await refresher.look()
    told([json.dumps({"title": f"Quillon {n}"}) for n in range(2500)], database_url)
    await refresher.look()
    assert found(completions, "quillon 2499") == ["Quillon 2499"]
    await listed(lambda: CountedWork(database), a_title(3, "Quillon Weir", 5))
    await refresher.look()
    assert found(completions, "quillon w") == ["Quillon Weir"]
