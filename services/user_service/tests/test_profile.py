"""The rules of a profile and of settings."""

from datetime import timedelta

import pytest

from services.user_service.tests.worlds import NOON, a_profile
from user_service.domain.consent import ConsentKind
from user_service.domain.errors import VersionConflict
from user_service.domain.reading_settings import ReadingSettings

LATER = NOON + timedelta(hours=1)


def test_an_edit_makes_the_next_version() -> None:
    edited = a_profile().edited({"display_name": "Ann", "country": "GB"}, LATER)
    assert (edited.display_name, edited.country, edited.version, edited.updated_at) == ("Ann", "GB", 2, LATER)


def test_an_edit_that_changes_nothing_makes_no_version() -> None:
    profile = a_profile(display_name="Ann")
    assert profile.edited({"display_name": "Ann"}, LATER) is profile
    assert profile.edited({}, LATER) is profile


def test_a_name_can_be_taken_away() -> None:
    assert a_profile(display_name="Ann").edited({"display_name": None}, LATER).display_name is None


def test_an_edit_of_a_version_that_is_gone_is_refused() -> None:
    with pytest.raises(VersionConflict):
        a_profile(version=3).require(2)


def test_differences_name_what_changed_and_no_bookkeeping() -> None:
    profile = a_profile()
    assert profile.edited({"locale": "de", "country": "DE"}, LATER).differences(profile) == ["locale", "country"]


def test_a_verified_address_replaces_the_known_one() -> None:
    profile = a_profile(email="old@truecrime.test")
    assert profile.identified("new@truecrime.test", verified=True, now=LATER).email == "new@truecrime.test"


def test_an_address_that_nobody_vouches_for_replaces_nothing() -> None:
    profile = a_profile(email="old@truecrime.test")
    assert profile.identified("new@truecrime.test", verified=False, now=LATER) is profile


def test_a_consent_given_twice_keeps_its_first_time() -> None:
    once = a_profile().consenting(ConsentKind.TERMS, "2026-11", given=True, now=NOON)
    assert once.consenting(ConsentKind.TERMS, "2026-11", given=True, now=LATER) is once
    assert [(c.kind, c.given_at) for c in once.consents] == [(ConsentKind.TERMS, NOON)]


def test_a_withdrawn_consent_is_kept_with_both_times() -> None:
    given = a_profile().consenting(ConsentKind.MARKETING, "1", given=True, now=NOON)
    (consent,) = given.consenting(ConsentKind.MARKETING, "1", given=False, now=LATER).consents
    assert (consent.given_at, consent.withdrawn_at, consent.is_given) == (NOON, LATER, False)


def test_a_consent_given_again_holds_again() -> None:
    profile = a_profile().consenting(ConsentKind.MARKETING, "1", given=True, now=NOON)
    profile = profile.consenting(ConsentKind.MARKETING, "1", given=False, now=NOON)
    (consent,) = profile.consenting(ConsentKind.MARKETING, "1", given=True, now=LATER).consents
    assert (consent.given_at, consent.is_given) == (LATER, True)


def test_withdrawing_what_was_never_given_changes_nothing() -> None:
    profile = a_profile()
    assert profile.consenting(ConsentKind.ADULT, "1", given=False, now=LATER) is profile


def test_a_consent_to_a_new_text_leaves_the_old_one() -> None:
    profile = a_profile().consenting(ConsentKind.TERMS, "2026-11", given=True, now=NOON)
    profile = profile.consenting(ConsentKind.TERMS, "2026-12", given=True, now=LATER)
    assert [consent.version for consent in profile.consents] == ["2026-11", "2026-12"]


def test_settings_are_replaced_under_their_own_version() -> None:
    settings = ReadingSettings(NOON)
    replaced = settings.replaced(ReadingSettings(LATER, content_intensity=3), version=1)
    assert (replaced.content_intensity, replaced.version, replaced.updated_at) == (3, 2, LATER)
    with pytest.raises(VersionConflict):
        replaced.replaced(ReadingSettings(LATER), version=1)


def test_settings_replaced_by_the_same_keep_their_version() -> None:
    settings = ReadingSettings(NOON, preferences={"theme": "dark"})
    assert settings.replaced(ReadingSettings(LATER, preferences={"theme": "dark"}), version=1) is settings
