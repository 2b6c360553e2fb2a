"""The read model: the same promises over memory and Postgres."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from admin_service.application.apply_facts import count_usage, index_access, index_person
from admin_service.application.list_users import ListUsers
from admin_service.application.ports import Position, Search, StartWork
from admin_service.domain.entry import UserEntry
from admin_service.domain.events import ArchivedEvent, UsageSeen
from admin_service.infrastructure.repositories import SqlAdminWork
from admin_service.infrastructure.tables import ArchiveRow
from common_service.database import Database
from services.admin_service.tests.worlds import NOON, a_person_seen, an_access_seen, an_entry

pytestmark = pytest.mark.anyio


async def kept(start_work: StartWork, *entries: UserEntry) -> None:
    async with start_work() as work:
        for entry in entries:
            await work.directory.open(entry.user_id, entry.first_seen_at)
            await work.directory.save(entry)
        await work.commit()


async def found(start_work: StartWork, search: Search) -> list[UserEntry]:
    async with start_work() as work:
        return list(await work.directory.find(search))


async def test_an_entry_comes_back_as_it_was_kept(start_work: StartWork) -> None:
    full = an_entry(
        email="ann@truecrime.test",
        display_name="Änn",
        status="suspended",
        registered_at=NOON,
        user_version=7,
        plan_code="pro",
        access_state="grace",
        is_entitled=True,
        access_version=2**40,
    )
    bare = an_entry()
    await kept(start_work, full, bare)
    async with start_work() as work:
        assert await work.directory.of(full.user_id) == full
        assert await work.directory.of(bare.user_id) == bare
        assert await work.directory.of(uuid4()) is None


async def test_opening_finds_what_is_there(start_work: StartWork) -> None:
    entry = an_entry(email="ann@truecrime.test")
    await kept(start_work, entry)
    async with start_work() as work:
        assert await work.directory.open(entry.user_id, NOON + timedelta(days=1)) == entry


async def test_what_is_not_committed_is_gone(start_work: StartWork) -> None:
    entry = an_entry()
    async with start_work() as work:
        await work.directory.open(entry.user_id, NOON)
    async with start_work() as work:
        assert await work.directory.of(entry.user_id) is None


async def test_pages_follow_one_another_newest_first(start_work: StartWork) -> None:
    entries = [an_entry(first_seen_at=NOON + timedelta(hours=n // 2)) for n in range(6)]
    entries.sort(key=lambda entry: (entry.first_seen_at, entry.user_id), reverse=True)
    await kept(start_work, *entries)
    assert await found(start_work, Search(limit=3)) == entries[:3]
    last = Position(entries[2].first_seen_at, entries[2].user_id)
    assert await found(start_work, Search(limit=9, after=last)) == entries[3:]


async def test_people_are_found_by_the_beginning_of_address_or_name(start_work: StartWork) -> None:
    ann = an_entry(email="Ann@truecrime.test", display_name="The Reader")
    odd = an_entry(email="100%_odd@truecrime.test")
    await kept(start_work, ann, odd)
    for text, expected in {
        "aNN": [ann],
        "the r": [ann],
        "reader": [],
        "100%_": [odd],
        "%": [],
        "_": [],
        "100\\": [],
        "nobody": [],
    }.items():
        assert await found(start_work, Search(limit=9, text=text)) == expected, text


async def test_people_are_found_by_plan_and_state(start_work: StartWork) -> None:
    pro, late = an_entry(plan_code="pro", access_state="active"), an_entry(plan_code="pro", access_state="grace")
    await kept(start_work, pro, late, an_entry())
    assert await found(start_work, Search(limit=9, plan="pro", state="active")) == [pro]
    assert await found(start_work, Search(limit=9, state="grace")) == [late]
    assert len(await found(start_work, Search(limit=9, plan="pro"))) == 2


async def test_usage_adds_up_by_the_hour_and_old_usage_does_not_count(start_work: StartWork) -> None:
    ann, bob = an_entry(), an_entry()
    await kept(start_work, ann, bob)
    async with start_work() as work:
        for at in (NOON, NOON + timedelta(minutes=40), NOON - timedelta(days=29), NOON - timedelta(days=31)):
            await count_usage(work, UsageSeen(ann.user_id, at, {"tokens.month": 100, "stories.day": 1}))
        await count_usage(work, UsageSeen(bob.user_id, NOON, {}))
        await work.commit()
    listed = {user.entry.user_id: user.tokens_30d for user in await ListUsers(start_work, lambda: NOON)(Search(9))}
    assert listed == {ann.user_id: 300, bob.user_id: 0}


async def test_facts_make_entries(start_work: StartWork) -> None:
    ann = uuid4()
    async with start_work() as work:
        await index_access(work, an_access_seen(ann, 2))
        await index_person(work, a_person_seen(ann, 1, is_registration=True))
        await index_access(work, an_access_seen(ann, 1, state="none"))
        await work.commit()
    async with start_work() as work:
        entry = await work.directory.of(ann)
    assert entry is not None
    assert (entry.access_state, entry.email, entry.registered_at) == ("active", "v1@truecrime.test", NOON)


async def test_facts_about_one_person_at_once_are_applied_one_after_another(database: Database) -> None:
    ann = uuid4()

    async def apply(version: int) -> None:
        async with SqlAdminWork(database) as work:
            await index_person(work, a_person_seen(ann, version))
            await index_access(work, an_access_seen(ann, version))
            await work.commit()

    await asyncio.gather(*(apply(version) for version in range(1, 11)))
    async with SqlAdminWork(database) as work:
        entry = await work.directory.of(ann)
    assert entry is not None
    assert (entry.user_version, entry.access_version) == (10, 10)


async def test_a_fact_is_archived_once(database: Database) -> None:
    event = ArchivedEvent(uuid4(), "generation.closed", "story", None, NOON, {"data": {"state": "succeeded"}})
    async with SqlAdminWork(database) as work:
        await work.archive.add(event)
        await work.archive.add(event)
        await work.commit()
        (row,) = (await work.session.scalars(select(ArchiveRow))).all()
    assert (row.event_id, row.type, row.envelope) == (event.event_id, event.type, event.envelope)
