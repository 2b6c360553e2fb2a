"""The rules of the index: facts may come late, twice and in any order."""

from datetime import timedelta
from itertools import permutations
from uuid import uuid4

from admin_service.domain.entry import UserEntry
from admin_service.domain.events import AccessSeen, PersonSeen
from services.admin_service.tests.worlds import NOON, a_person_seen, an_access_seen, an_entry

ANN = uuid4()
FACTS: list[PersonSeen | AccessSeen] = [
    a_person_seen(ANN, 1, is_registration=True),
    a_person_seen(ANN, 2, display_name=None, at=NOON + timedelta(hours=1)),
    an_access_seen(ANN, 1, state="none", plan_code="free", is_entitled=False),
    an_access_seen(ANN, 2, at=NOON + timedelta(hours=2)),
    an_access_seen(ANN, 3, state="grace", at=NOON + timedelta(days=3)),
]


def applied(facts: tuple[PersonSeen | AccessSeen, ...]) -> UserEntry:
    entry = UserEntry(ANN, facts[0].at)
    for fact in facts:
        entry = entry.with_person(fact) if isinstance(fact, PersonSeen) else entry.with_access(fact)
    return entry


def test_every_order_of_the_facts_gives_the_same_entry() -> None:
    pictures = {applied(order) for order in permutations(FACTS)}
    assert pictures == {
        UserEntry(
            ANN,
            NOON,
            email="v2@truecrime.test",
            display_name=None,
            registered_at=NOON,
            user_version=2,
            plan_code="pro",
            access_state="grace",
            is_entitled=True,
            access_version=3,
        )
    }


def test_a_fact_that_comes_again_changes_nothing() -> None:
    once = applied(tuple(FACTS))
    assert applied((*FACTS, *FACTS)) == once


def test_the_stand_in_for_a_profile_says_what_is_known() -> None:
    entry = an_entry(email="ann@truecrime.test", registered_at=NOON, user_version=3)
    assert entry.profile() == {
        "id": str(entry.user_id),
        "email": "ann@truecrime.test",
        "display_name": None,
        "status": "active",
        "created_at": "2026-11-21T12:00:00+00:00",
        "version": 3,
    }
