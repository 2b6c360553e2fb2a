"""The use cases against the memory world."""

import asyncio

import pytest

from common_service.ids import uuid7
from services.user_service.tests.worlds import NOON, MemoryDoors, World, a_profile, a_user_id, an_identity
from user_service.api.use_cases import UseCases, wire
from user_service.api.use_cases import World as Adapters
from user_service.domain.consent import ConsentKind
from user_service.domain.errors import EmailInUse, IdTokenInvalid, NotProvisioned, UnknownUser, VersionConflict
from user_service.domain.events import UserRegistered, UserUpdated
from user_service.domain.reading_settings import ReadingSettings

pytestmark = pytest.mark.anyio


@pytest.fixture
def use_cases(world: World) -> UseCases:
    world.identities = {"ann": an_identity(), "ann at work": an_identity("ann@work.test")}
    return wire(Adapters(world.work, world, MemoryDoors(world), lambda: NOON, uuid7))


async def test_the_first_call_makes_a_profile_with_settings_and_tells_of_it(use_cases: UseCases, world: World) -> None:
    user_id = a_user_id()
    profile, is_new = await use_cases.provision_profile(user_id, "ann")
    assert is_new
    assert (profile.id, profile.email, profile.version) == (user_id, "ann@truecrime.test", 1)
    assert world.content.settings[user_id] == ReadingSettings(NOON)
    assert world.content.events == [UserRegistered(profile)]


async def test_the_second_call_finds_the_profile_and_tells_nothing(use_cases: UseCases, world: World) -> None:
    user_id = a_user_id()
    first, _ = await use_cases.provision_profile(user_id, "ann")
    assert await use_cases.provision_profile(user_id, "ann") == (first, False)
    assert len(world.content.events) == 1


async def test_calls_at_once_make_one_profile(use_cases: UseCases, world: World) -> None:
    user_id = a_user_id()
    answers = await asyncio.gather(*(use_cases.provision_profile(user_id, "ann") for _ in range(20)))
    assert sorted(is_new for _, is_new in answers) == [False] * 19 + [True]
    assert len(world.content.events) == 1


async def test_a_new_address_is_taken_over_and_told(use_cases: UseCases, world: World) -> None:
    user_id = a_user_id()
    await use_cases.provision_profile(user_id, "ann")
    profile, is_new = await use_cases.provision_profile(user_id, "ann at work")
    assert not is_new
    assert (profile.email, profile.version) == ("ann@work.test", 2)
    assert world.content.events[1:] == [UserUpdated(profile, ["email"])]


async def test_an_address_belongs_to_one_person(use_cases: UseCases, world: World) -> None:
    await use_cases.provision_profile(a_user_id(), "ann")
    with pytest.raises(EmailInUse):
        await use_cases.provision_profile(a_user_id(), "ann")
    assert len(world.content.events) == 1


async def test_nobody_takes_over_the_address_of_another(use_cases: UseCases) -> None:
    mine = a_user_id()
    await use_cases.provision_profile(mine, "ann at work")
    await use_cases.provision_profile(a_user_id(), "ann")
    with pytest.raises(EmailInUse):
        await use_cases.provision_profile(mine, "ann")


async def test_a_token_that_proves_nothing_makes_nothing(use_cases: UseCases, world: World) -> None:
    with pytest.raises(IdTokenInvalid):
        await use_cases.provision_profile(a_user_id(), "somebody else's")
    assert not world.content.profiles


async def test_an_edit_is_kept_and_told_with_what_changed(use_cases: UseCases, world: World) -> None:
    user_id = a_user_id()
    await use_cases.provision_profile(user_id, "ann")
    profile = await use_cases.edit_profile(user_id, {"display_name": "Ann"}, version=1)
    assert world.content.profiles[user_id] == profile
    assert world.content.events[1:] == [UserUpdated(profile, ["display_name"])]


async def test_an_edit_of_an_old_version_leaves_no_trace(use_cases: UseCases, world: World) -> None:
    user_id = a_user_id()
    await use_cases.provision_profile(user_id, "ann")
    with pytest.raises(VersionConflict):
        await use_cases.edit_profile(user_id, {"display_name": "Ann"}, version=2)
    assert world.content.profiles[user_id].display_name is None
    assert len(world.content.events) == 1


async def test_an_edit_without_a_difference_is_not_told(use_cases: UseCases, world: World) -> None:
    user_id = a_user_id()
    await use_cases.provision_profile(user_id, "ann")
    assert (await use_cases.edit_profile(user_id, {"locale": "en"}, version=1)).version == 1
    assert len(world.content.events) == 1


async def test_a_consent_is_told(use_cases: UseCases, world: World) -> None:
    user_id = a_user_id()
    await use_cases.provision_profile(user_id, "ann")
    profile = await use_cases.record_consent(user_id, ConsentKind.TERMS, "2026-11", given=True)
    assert world.content.events[1:] == [UserUpdated(profile, ["consents"])]


async def test_who_has_no_profile_can_change_none(use_cases: UseCases) -> None:
    nobody = a_user_id()
    with pytest.raises(NotProvisioned):
        await use_cases.read_profile(nobody)
    with pytest.raises(NotProvisioned):
        await use_cases.edit_profile(nobody, {}, version=1)
    with pytest.raises(NotProvisioned):
        await use_cases.record_consent(nobody, ConsentKind.ADULT, "1", given=True)
    with pytest.raises(NotProvisioned):
        await use_cases.read_settings(nobody)
    with pytest.raises(NotProvisioned):
        await use_cases.replace_settings(nobody, ReadingSettings(NOON), version=1)
    with pytest.raises(UnknownUser):
        await use_cases.read_user(nobody)


async def test_another_service_reads_any_profile(use_cases: UseCases, world: World) -> None:
    profile = a_profile()
    world.content.profiles[profile.id] = profile
    assert await use_cases.read_user(profile.id) == profile
