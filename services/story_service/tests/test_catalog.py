"""The catalog: what is listed and when no more, how it is searched, and what the routes say."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import pytest

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.testing import ready
from services.story_service.tests.a_case import a_head
from services.story_service.tests.memory import MemoryDatabase
from services.story_service.tests.plans import scans_a_table
from services.story_service.tests.test_characters import PERSONA, with_room
from services.story_service.tests.test_library import a_house_story
from services.story_service.tests.worlds import NOON, READER, CountedWork, World, story_of, with_shelf
from story_service.application.attempts import AttemptKey
from story_service.application.catalog.keep_catalog import CountViews, ForgetRemovedEntries
from story_service.application.catalog.listing import list_case, relist, unlist
from story_service.application.ports import StartWork
from story_service.application.review_house_stories import ReviewHouseStories
from story_service.domain.catalog.entry import CatalogEntry, EntryType
from story_service.domain.catalog.index import CatalogIndex, packed
from story_service.domain.character import Visibility
from story_service.domain.desk.moderation_case import Target
from story_service.domain.publishing.publishing import Visibility as Shown
from story_service.infrastructure.desk.work import SqlDeskWork
from story_service.wiring.http import assemble

pytestmark = pytest.mark.anyio
CATALOG = "/story/v1/catalog"
Json = dict[str, Any]


@pytest.fixture
async def http(world: World, issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    app = assemble(world.use, issuer.callers({}), Cursors("a secret of the tests"), ready=ready)
    headers = {"Authorization": f"Bearer {issuer.reader(READER)}"}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://story", headers=headers
    ) as client:
        yield client


def a_title(number: int, title: str, popularity: int = 0, summary: str = "") -> CatalogEntry:
    return CatalogEntry(EntryType.TITLE, UUID(int=number), title, summary, popularity)


async def listed(start_work: StartWork, *entries: CatalogEntry) -> None:
    async with start_work() as work:
        for entry in entries:
            await work.catalog.put(entry, NOON)
        await work.commit()


async def found(http: httpx2.AsyncClient, path: str, **params: Any) -> list[str]:
    answer = await http.get(f"{CATALOG}/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def walked(http: httpx2.AsyncClient, **params: Any) -> list[str]:
    """Walk all pages of two."""
    titles: list[str] = []
    cursor = None
    while True:
        asked = {"limit": 2, **params, **({"cursor": cursor} if cursor else {})}
        page = (await http.get(f"{CATALOG}/search", params=asked)).json()
        titles += [item["title"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return titles


async def test_what_a_platform_opens_with_is_found(http: httpx2.AsyncClient) -> None:
    assert await found(http, "autocomplete", q="the ti") == ["The Tide Table"]
    [story] = (await http.get(f"{CATALOG}/search", params={"q": "TIDE table"})).json()["items"]
    assert (story["type"], story["truth_mode"], story["label"]) == ("story", "fiction", "AI-generated fiction")
    people = await http.get(f"{CATALOG}/popular", params={"type": "character"})
    assert {(one["type"], one["label"]) for one in people.json()["items"]} == {("character", None)}
    assert len(people.json()["items"]) == 6


async def test_a_character_is_found_while_everybody_may_meet_it(http: httpx2.AsyncClient, world: World) -> None:
    world.subscriptions.plan = with_room(5)
    use = world.use.own_characters
    made = (await use.make(READER, PERSONA, Visibility.PUBLIC, AttemptKey("k", b"d"))).character
    title = PERSONA.name.lower()
    assert await found(http, "autocomplete", q=title) == [PERSONA.name]

    def hidden(character: Any) -> Any:
        return character.edited(PERSONA, Visibility.UNLISTED, version=1, now=NOON)

    await use.edit(READER, made.id, hidden, version=1)
    assert await found(http, "search", q=title) == []
    other = (await use.make(READER, PERSONA, Visibility.PUBLIC, AttemptKey("k2", b"d"))).character
    assert await found(http, "search", q=title, type="character") == [PERSONA.name]
    await use.delete(READER, other.id)
    assert await found(http, "search", q=title) == []


async def test_a_house_story_is_found_once_it_is_approved(http: httpx2.AsyncClient, world: World) -> None:
    story = a_house_story("The Glass Orchard")
    async with world.start_work() as work:
        await work.library.submit(story)
        await work.commit()
    assert await found(http, "search", q="orchard") == []
    await ReviewHouseStories(world.start_work, world.clock, lambda: UUID(int=7)).approve(story.id, READER)
    assert await found(http, "search", q="orchard", type="story,case") == ["The Glass Orchard"]
    assert await found(http, "search", q="orchard", type="case") == []


async def test_pages_go_on_where_the_last_one_ended(http: httpx2.AsyncClient, world: World) -> None:
    titles = [a_title(n, f"Quillon {n}", popularity=n % 3) for n in range(1, 8)]
    await listed(world.start_work, *titles)
    expected = [f"Quillon {n}" for n in (5, 2, 7, 4, 1, 6, 3)]
    assert await walked(http, q="quillon") == expected
    answer = await http.get(f"{CATALOG}/search", params={"q": "quillon", "cursor": "x"})
    assert answer.json()["code"] == "cursor_invalid"


async def test_words_in_the_summary_count_and_accents_do_not(http: httpx2.AsyncClient, world: World) -> None:
    await listed(world.start_work, a_title(1, "L'Été meurtrier", summary="Un crime à Łódź"))
    for words in ("lete", "ETE", "lodz crime", "łÓDŹ"):
        assert await found(http, "search", q=words) == ([] if words == "ETE" else ["L'Été meurtrier"]), words
    assert await found(http, "search", q="lodz nowhere") == []
    assert await found(http, "search", q="'!& | <-> :*") == []


async def test_typos_are_forgiven_where_the_index_is_there(http: httpx2.AsyncClient, world: World) -> None:
    await listed(world.start_work, ferry := a_title(1, "The Last Ferry"))
    assert await found(http, "autocomplete", q="the lsat fe") == []
    assert await found(http, "search", q="fery") == []
    world.completions.index = CatalogIndex(packed([ferry]))
    assert await found(http, "autocomplete", q="the lsat fe") == ["The Last Ferry"]
    assert await found(http, "autocomplete", q="frery") == ["The Last Ferry"]
    assert await found(http, "search", q="fery last") == ["The Last Ferry"]


async def test_what_is_asked_for_has_bounds(http: httpx2.AsyncClient) -> None:
    for path, params in (
        ("autocomplete", {"q": "a"}),
        ("autocomplete", {"q": "a" * 65}),
        ("search", {"q": ""}),
        ("search", {"q": "a", "type": "planet"}),
        ("popular", {"type": "story,"}),
    ):
        answer = await http.get(f"{CATALOG}/{path}", params=params)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), (path, params)
    assert await found(http, "autocomplete", q="%_") == []
    assert await found(http, "autocomplete", q="ﷺ" * 60) == []


async def test_popular_lists_are_kept_for_a_day(http: httpx2.AsyncClient, world: World) -> None:
    await listed(world.start_work, *(a_title(n, f"Title {n}", popularity=n) for n in range(30)))
    first = await http.get(f"{CATALOG}/popular", params={"type": "title"})
    assert [item["title"] for item in first.json()["items"]] == [f"Title {n}" for n in range(29, 9, -1)]
    assert first.headers["cache-control"] == "private, max-age=86400"
    known = {"If-None-Match": first.headers["etag"]}
    assert (await http.get(f"{CATALOG}/popular", params={"type": "title"}, headers=known)).status_code == 304
    await listed(world.start_work, a_title(99, "Another", popularity=99))
    assert (await http.get(f"{CATALOG}/popular", params={"type": "title"}, headers=known)).status_code == 200


async def test_views_become_popularity_and_what_went_is_forgotten(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    async with world.start_work() as work:
        [first, *_] = await work.catalog.popular([EntryType.STORY], 1)
        assert await work.library.view(first.id, READER, NOON) == 1  # type: ignore[arg-type]  # a story's
        await work.catalog.remove(
            EntryType.CHARACTER, (await work.catalog.popular([EntryType.CHARACTER], 1))[0].id, NOON
        )
        await work.commit()
    assert await CountViews(world.start_work, world.clock)() is False
    world.clock.now = NOON.replace(day=23)
    await ForgetRemovedEntries(world.start_work, world.clock)()
    async with world.start_work() as work:
        assert [hit.popularity for hit in await work.catalog.popular([EntryType.STORY], 2)] == [1, 0]
        assert await work.catalog.count_views(NOON, 10) == 0
        assert await work.catalog.forget_removed(NOON.replace(year=2030), 10) == 0


async def test_no_query_reads_the_whole_table(database: Database) -> None:
    async with CountedWork(database) as work:
        catalog, types = work.catalog, list(EntryType)
        await scans_a_table(work, lambda: catalog.search([["a", "b"], ["c"]], types, after=(1, UUID(int=1)), most=2))
        await scans_a_table(work, lambda: catalog.complete("the", 10))
        await scans_a_table(work, lambda: catalog.popular(types, 10))
        await scans_a_table(work, lambda: catalog.forget_removed(NOON, 10))


async def test_a_readers_story_is_found_while_it_is_on_the_shelf() -> None:
    world = World(MemoryDatabase().work, plan=with_shelf(5))
    story_id = story_of(await world.ended(await world.ask()))

    async def titles() -> list[str]:
        return [hit.title for hit in await world.use.catalog.complete("the last f")]

    assert await titles() == []
    await world.use.publish(READER, story_id, Shown.PUBLIC)
    assert await titles() == ["The Last Ferry"]
    await world.use.publish(READER, story_id, Shown.UNLISTED)
    assert await titles() == []
    await world.use.publish(READER, story_id, Shown.PUBLIC)
    await world.use.publish.withdraw(READER, story_id)
    assert await titles() == []
    await world.use.publish(READER, story_id, Shown.PUBLIC)
    await world.use.delete(READER, story_id)
    assert await titles() == []


async def test_a_case_is_found_while_everybody_may_read_it() -> None:
    world, head = World(MemoryDatabase().work), a_head(title="The Quillon Fire", visibility=Visibility.PUBLIC)
    for case, found_titles in (
        (head, [head.title]),
        (replace(head, title="The Quillon Blaze"), ["The Quillon Blaze"]),
        (replace(head, approved=False), []),
        (head, [head.title]),
        (replace(head, visibility=Visibility.UNLISTED), []),
    ):
        async with world.start_work() as work:
            await list_case(work, case)
            await work.commit()
        hits = await world.use.catalog.search("quillon", [EntryType.CASE], after=None, most=5)
        assert [hit.title for hit in hits] == found_titles


async def test_what_is_blocked_is_not_found_until_that_is_undone(database: Database) -> None:
    async with SqlDeskWork(database) as work:
        for entry_type in (EntryType.CASE, EntryType.CHARACTER):
            [hit, *others] = await work.catalog.popular([entry_type], 50)
            target = Target(entry_type, hit.id)
            await work.targets.block(target, NOON)
            await unlist(work, target.type, target.id, NOON)
            await relist(work, target.type, target.id, NOON)
            assert await work.catalog.popular([entry_type], 50) == others
            await work.targets.approve(target, NOON)
            await relist(work, target.type, target.id, NOON)
            assert set(await work.catalog.popular([entry_type], 50)) == {hit, *others}
        await unlist(work, "message", target.id, NOON)
