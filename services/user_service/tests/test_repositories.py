"""The stores: the same promises over memory and Postgres."""

import asyncio
from datetime import timedelta

import pytest

from common_service.database import Database
from services.user_service.tests.worlds import NOON, a_profile, a_user_id
from user_service.application.ports import Search, StartWork
from user_service.domain.consent import Consent, ConsentKind
from user_service.domain.errors import EmailInUse
from user_service.domain.profile import Profile, Status
from user_service.domain.reading_settings import ReadingSettings
from user_service.infrastructure.repositories import SqlUserWork

pytestmark = pytest.mark.anyio
CONSENTS = (
    Consent(ConsentKind.ADULT, "1", NOON),
    Consent(ConsentKind.TERMS, "2026-11", NOON, NOON + timedelta(days=1)),
)


async def kept(start_work: StartWork, *profiles: Profile) -> None:
    async with start_work() as work:
        for profile in profiles:
            assert await work.profiles.add(profile)
        await work.commit()


async def test_a_profile_comes_back_as_it_was_kept(start_work: StartWork) -> None:
    profile = a_profile(display_name="Änn 🕵", locale="de-AT", country="AT", consents=CONSENTS, status=Status.SUSPENDED)
    await kept(start_work, profile)
    async with start_work() as work:
        assert await work.profiles.of(profile.id) == profile


async def test_a_new_version_replaces_all_of_the_old_one(start_work: StartWork) -> None:
    profile = a_profile(consents=CONSENTS)
    await kept(start_work, profile)
    changed = a_profile(
        profile.id,
        username="bob",
        email="bob@truecrime.test",
        email_verified=False,
        display_name="Bob",
        locale="fr",
        country="FR",
        status=Status.ERASING,
        consents=CONSENTS[1:],
        version=2,
        updated_at=NOON + timedelta(hours=1),
    )
    async with start_work() as work:
        assert await work.profiles.of(profile.id, for_update=True) == profile
        await work.profiles.save(changed)
        await work.commit()
    async with start_work() as work:
        assert await work.profiles.of(profile.id) == changed


async def test_an_id_is_added_once(start_work: StartWork) -> None:
    profile = a_profile()
    await kept(start_work, profile)
    async with start_work() as work:
        assert not await work.profiles.add(a_profile(profile.id, email="other@truecrime.test"))


async def test_an_address_is_taken_in_any_case_of_letters(start_work: StartWork) -> None:
    await kept(start_work, a_profile(email="Ann@TrueCrime.test"))
    async with start_work() as work:
        assert not await work.profiles.add(a_profile(email="ann@truecrime.TEST"))


async def test_a_change_to_a_taken_address_is_refused(start_work: StartWork) -> None:
    profile = a_profile()
    await kept(start_work, profile, a_profile(email="taken@truecrime.test"))
    async with start_work() as work:
        await work.profiles.of(profile.id, for_update=True)
        with pytest.raises(EmailInUse):
            await work.profiles.save(a_profile(profile.id, email="TAKEN@truecrime.test", version=2))


async def test_what_is_not_committed_is_gone(start_work: StartWork) -> None:
    profile = a_profile()
    async with start_work() as work:
        await work.profiles.add(profile)
    async with start_work() as work:
        assert await work.profiles.of(profile.id) is None


async def test_pages_follow_one_another_by_id(start_work: StartWork) -> None:
    profiles = sorted((a_profile() for _ in range(5)), key=lambda profile: profile.id)
    await kept(start_work, *profiles)
    async with start_work() as work:
        assert await work.profiles.find(Search(limit=3)) == profiles[:3]
        assert await work.profiles.find(Search(limit=3, after=profiles[2].id)) == profiles[3:]


async def test_a_page_shows_what_was_asked_for(start_work: StartWork) -> None:
    ann, bob = a_profile(email="ann@truecrime.test", consents=CONSENTS), a_profile(status=Status.SUSPENDED)
    await kept(start_work, ann, bob)
    async with start_work() as work:
        assert await work.profiles.find(Search(limit=9, email="ANN@truecrime.test")) == [ann]
        assert await work.profiles.find(Search(limit=9, status=Status.SUSPENDED)) == [bob]
        assert not await work.profiles.find(Search(limit=9, email="ann@truecrime.test", status=Status.ERASED))


async def test_settings_come_back_as_they_were_kept_and_replaced(start_work: StartWork) -> None:
    profile = a_profile()
    first = ReadingSettings(NOON)
    second = ReadingSettings(NOON, 3, True, False, {"theme": "dark", "size": 3, "motion": False}, version=2)
    await kept(start_work, profile)
    for settings in (first, second):
        async with start_work() as work:
            await work.settings.save(profile.id, settings)
            await work.commit()
        async with start_work() as work:
            assert await work.settings.of(profile.id, for_update=True) == settings


async def test_nobody_has_no_settings(start_work: StartWork) -> None:
    async with start_work() as work:
        assert await work.settings.of(a_user_id()) is None


async def test_groups_give_their_roles_and_unknown_groups_none(start_work: StartWork) -> None:
    async with start_work() as work:
        roles = await work.roles.of_groups(["reader", "admin", "gardeners"])
        assert [role.code for role in roles] == ["admin", "reader"]
        assert {"users.read", "users.write"} <= roles[0].permissions
        assert not roles[1].permissions
        assert not await work.roles.of_groups([])


async def test_a_profile_locked_for_a_change_waits_for_the_change_before(database: Database) -> None:
    profile = a_profile()
    await kept(lambda: SqlUserWork(database), profile)

    async def rename(name: str) -> None:
        async with SqlUserWork(database) as work:
            known = await work.profiles.of(profile.id, for_update=True)
            assert known is not None
            await asyncio.sleep(0.05)
            await work.profiles.save(known.edited({"display_name": name}, NOON))
            await work.commit()

    await asyncio.gather(rename("Ann"), rename("Bob"))
    async with SqlUserWork(database) as work:
        after = await work.profiles.of(profile.id)
    assert after is not None
    assert after.version == 3
