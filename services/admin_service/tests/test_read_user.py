"""The overview: what is slow or down is named, nothing is waited for beyond the budget."""

import asyncio
from uuid import uuid4

import pytest

from admin_service.application.read_user import Overview, ReadUser
from admin_service.domain.errors import UnknownUser
from services.admin_service.tests.worlds import World, an_entry

pytestmark = pytest.mark.anyio
ANN = uuid4()
SECTIONS = ("profile", "access", "billing", "usage")


async def overview(world: World, *, budget: float = 2.0) -> Overview:
    return await ReadUser(world.work, world.sources, budget)(ANN, "the admin's token")


async def test_all_sections_are_asked_at_once_on_behalf_of_the_admin(world: World) -> None:
    meeting = asyncio.Barrier(len(world.sources))  # none is answered before all are asked
    for source in world.sources.values():
        source.meeting = meeting
    found = await overview(world)
    assert found.partial == ()
    assert [getattr(found, name) for name in SECTIONS] == [world.sources[name].document for name in SECTIONS]
    assert all(source.asked == [(ANN, "the admin's token")] for source in world.sources.values())


@pytest.mark.parametrize("section", SECTIONS[1:])
async def test_a_dead_service_costs_its_section(world: World, section: str) -> None:
    world.sources[section].is_down = True
    found = await overview(world)
    assert found.partial == (section,)
    assert getattr(found, section) is None
    assert found.profile == world.sources["profile"].document


async def test_a_slow_service_costs_its_section_and_two_seconds(world: World) -> None:
    world.sources["billing"].seconds = 60
    started = asyncio.get_running_loop().time()
    found = await overview(world)
    assert 1.9 < asyncio.get_running_loop().time() - started < 2.4
    assert (found.partial, found.access) == (("billing",), world.sources["access"].document)


async def test_without_user_service_the_index_stands_in(world: World) -> None:
    entry = an_entry(user_id=ANN, email="ann@truecrime.test")
    world.content.entries[ANN] = entry
    world.sources["profile"].is_down = True
    found = await overview(world)
    assert (found.partial, found.profile) == (("profile",), entry.profile())


async def test_without_user_service_and_index_the_profile_is_missing(world: World) -> None:
    world.sources["profile"].is_down = True
    found = await overview(world)
    assert (found.partial, found.profile) == (("profile",), None)


async def test_an_id_that_nobody_knows_is_unknown(world: World) -> None:
    world.sources["profile"].document = None
    with pytest.raises(UnknownUser):
        await overview(world)


async def test_a_person_whom_only_the_index_knows_is_shown(world: World) -> None:
    world.content.entries[ANN] = entry = an_entry(user_id=ANN)
    world.sources["profile"].document = None
    found = await overview(world)
    assert (found.partial, found.profile) == ((), entry.profile())


async def test_what_a_service_does_not_have_is_not_missing(world: World) -> None:
    world.sources["billing"].document = None
    found = await overview(world)
    assert (found.partial, found.billing) == ((), None)


async def test_all_dead_is_still_an_answer(world: World) -> None:
    for source in world.sources.values():
        source.seconds = 60
    found = await overview(world, budget=0.1)
    assert found == Overview(None, None, None, None, SECTIONS)
