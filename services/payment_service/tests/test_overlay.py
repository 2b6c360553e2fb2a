"""Overrides and grants over a plan: what must hold for every subscription, overlay and clock."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.domain.access import DENIED, Access, Cause, access_of, access_state, first_access
from payment_service.domain.errors import (
    AlreadyRevoked,
    AlreadyVoided,
    ExpiryInPast,
    ExpiryRequired,
    ExpiryTooFar,
    FeatureUnknown,
    MeterUnknown,
    OverrideUnfit,
)
from payment_service.domain.grants import Grant
from payment_service.domain.ids import UserId
from payment_service.domain.overrides import EVERYTHING, LONGEST, Effect, Override, check_expiry
from payment_service.domain.subscription import ProviderStatus, Subscription, Terms
from services.payment_service.tests.shipped import shipped_catalogue

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ADMIN = UUID(int=7)
CATALOGUE = shipped_catalogue()
FLAGS = ["chat.access", "story.generate"]
LIMITS = ["stories.day", "tokens.month"]
around = st.timedeltas(timedelta(days=-40), timedelta(days=40)).map(lambda by: NOW + by)


def an_override(effect: Effect, feature: str = EVERYTHING, limit: int | None = None, day: int = 0) -> Override:
    """Return one that counts for ten days from now, created on a day."""
    user_id, created_at = UserId(UUID(int=1)), NOW + day * DAY
    return Override(
        uuid4(), user_id, effect, feature, NOW, NOW + 10 * DAY, "because", ADMIN, created_at, limit=limit
    )  # fmt: skip


def a_grant(meter: str = "tokens.month", **fields: int) -> Grant:
    days = fields.pop("days", 10)
    return Grant(
        uuid4(), UserId(UUID(int=1)), meter, 1000, NOW, NOW + days * DAY, "support", str(uuid4()), NOW,
        priority=fields.get("priority", 100),
    )  # fmt: skip


def a_subscription(status: ProviderStatus, plan: str = "pro") -> Subscription:
    terms = Terms("sub_1", status, NOW - DAY, NOW - DAY, NOW + 29 * DAY)
    return Subscription(uuid4(), UserId(UUID(int=1)), plan, terms, NOW).with_grace(NOW, 7 * DAY)


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    start = draw(around)
    terms = Terms(
        "sub_1", draw(st.sampled_from(ProviderStatus)), start, start, start + draw(st.timedeltas(DAY, DAY * 60))
    )
    fresh = Subscription(uuid4(), UserId(UUID(int=1)), draw(st.sampled_from(["pro", "max"])), terms, start)
    return fresh.with_grace(start, 7 * DAY)


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    effect: Effect = draw(st.sampled_from(("allow", "deny", "limit")))
    feature = draw(st.sampled_from(LIMITS if effect == "limit" else [EVERYTHING, *FLAGS]))
    start = draw(around)
    made = Override(
        id=uuid4(),
        user_id=UserId(UUID(int=1)),
        effect=effect,
        feature=feature,
        starts_at=start,
        expires_at=start + draw(st.timedeltas(timedelta(seconds=1), DAY * 40)),
        reason="because",
        created_by=ADMIN,
        created_at=draw(around),
        limit=draw(st.integers(0, 100)) if effect == "limit" else None,
    )
    return made.revoked(ADMIN, "a mistake", start) if draw(st.booleans()) else made


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    start = draw(around)
    made = replace(
        a_grant(draw(st.sampled_from(LIMITS))),
        effective_at=start,
        expires_at=start + draw(st.timedeltas(timedelta(seconds=1), DAY * 40)),
    )
    return made.voided(ADMIN, "a mistake", start) if draw(st.booleans()) else made


people = st.tuples(st.none() | subscriptions(), st.lists(overrides(), max_size=4), st.lists(grants(), max_size=3))
Person = tuple[Subscription | None, list[Override], list[Grant]]


def at(person: Person, now: datetime) -> Access:
    subscription, over, granted = person
    return access_of(subscription, CATALOGUE, now, over, granted)


@given(people, around)
def test_deny_wins_over_payment_and_over_every_allow(person: Person, now: datetime) -> None:
    subscription, over, granted = person
    denying = replace(an_override("deny"), starts_at=now, expires_at=now + DAY)
    for rest in ([*over, denying], [denying, *over]):
        access = access_of(subscription, CATALOGUE, now, rest, granted)
        assert (access.is_entitled, access.plan_code, access.reason, access.period_end) == (False, "free", DENIED, None)
        assert access.grants == ()
        assert not any(each["value"] for each in access.features.values() if each["kind"] == "flag")
        assert not any(each.get("limit", 1) for each in access.features.values() if each["kind"] == "limit")


@given(people, around, st.sampled_from(FLAGS))
def test_a_denied_feature_is_closed_whatever_else_is_said(person: Person, now: datetime, feature: str) -> None:
    subscription, over, granted = person
    denying = replace(an_override("deny", feature), starts_at=now, expires_at=now + DAY)
    access = access_of(subscription, CATALOGUE, now, [*over, denying], granted)
    assert access.features[feature] == {"kind": "flag", "value": False}


@given(people, around, st.timedeltas(timedelta(0), DAY * 80))
def test_access_is_constant_until_its_next_change_and_changes_there(
    person: Person, now: datetime, later: timedelta
) -> None:
    access = at(person, now)
    if access.next_change_at is not None:
        assert access.next_change_at > now
        assert at(person, access.next_change_at) != access
    if access.next_change_at is None or now + later < access.next_change_at:
        assert at(person, now + later) == access


@given(people, around)
def test_the_same_input_gives_the_same_snapshot_in_whatever_order_it_is_read(person: Person, now: datetime) -> None:
    subscription, over, granted = person
    assert at(person, now) == at((subscription, over[::-1], granted[::-1]), now)


@given(people, around)
def test_nobody_is_entitled_but_by_payment_or_by_an_allow(person: Person, now: datetime) -> None:
    subscription, over, _ = person
    active = [each for each in over if each.is_active(now)]
    is_denied = any(each.effect == "deny" and each.feature == EVERYTHING for each in active)
    is_allowed = any(each.effect == "allow" for each in active)
    assert at(person, now).is_entitled == (
        not is_denied and (access_state(subscription, now).is_entitled or is_allowed)
    )


@given(people, around)
def test_whatever_is_over_counts_for_nothing(person: Person, now: datetime) -> None:
    subscription, over, granted = person
    live = [each for each in over if each.revoked_at is None and each.expires_at > now]
    kept = [each for each in granted if each.voided_at is None and each.expires_at > now]
    assert at((subscription, live, kept), now) == at(person, now)


@given(people, st.lists(around, min_size=1, max_size=6))
def test_versions_only_grow_and_their_edges_leave_no_gap_and_no_overlap(
    person: Person, moments: list[datetime]
) -> None:
    first = first_access(UserId(UUID(int=1)), CATALOGUE, NOW - 50 * DAY)
    versions = [
        first.followed_by(at(person, first.valid_from), CATALOGUE.default, Cause("signup", "x"), NOW - 50 * DAY)
    ]
    for now in sorted(moments):
        while (edge := versions[-1].access.next_change_at) is not None and edge <= now:
            access = at(person, edge)
            versions.append(versions[-1].followed_by(access, CATALOGUE.default, Cause("timer", "x"), edge))
        in_force = [each for each in versions if each.valid_from <= now][-1]
        assert not in_force.has_lapsed(now)
        assert in_force.access == at(person, now)
    for older, younger in itertools.pairwise(versions):
        assert younger.version == older.version + 1
        assert younger.valid_from == older.access.next_change_at
        assert younger.valid_from > older.valid_from


@pytest.mark.parametrize(
    ("subscription", "plan"),
    [
        (None, "pro"),
        (a_subscription(ProviderStatus.CANCELED, "max"), "max"),
        (a_subscription(ProviderStatus.INCOMPLETE, "max"), "pro"),
    ],
)
def test_allowing_everything_gives_the_plan_once_bought_or_the_least_one(
    subscription: Subscription | None, plan: str
) -> None:
    access = access_of(subscription, CATALOGUE, NOW, [an_override("allow")])
    assert (access.is_entitled, access.plan_code, access.next_change_at) == (True, plan, NOW + 10 * DAY)
    assert access.features == CATALOGUE.plans[plan].features()


def test_allowing_one_feature_opens_that_one() -> None:
    access = access_of(None, CATALOGUE, NOW, [an_override("allow", "story.generate")])
    assert (access.is_entitled, access.plan_code) == (True, "free")
    opened = [name for name, each in access.features.items() if each["kind"] == "flag" and each["value"]]
    assert opened == ["story.generate"]


def test_the_youngest_limit_counts_until_it_ends() -> None:
    raised, throttled = an_override("limit", "stories.day", 50, day=-2), an_override("limit", "stories.day", 1, day=-1)
    throttled = replace(throttled, expires_at=NOW + DAY)
    paid = a_subscription(ProviderStatus.ACTIVE)

    def limit(now: datetime, over: Sequence[Override]) -> object:
        return access_of(paid, CATALOGUE, now, over).features["stories.day"]

    assert limit(NOW, [raised, throttled]) == {"kind": "limit", "limit": 1, "window": "day"}
    assert limit(NOW + DAY, [raised, throttled]) == {"kind": "limit", "limit": 50, "window": "day"}
    assert limit(NOW + 10 * DAY, [raised, throttled]) == {"kind": "limit", "limit": 10, "window": "day"}


def test_grants_burn_by_priority_then_by_their_end() -> None:
    late, soon, first = a_grant(days=9), a_grant(days=3), a_grant(days=30, priority=1)
    waiting = replace(a_grant(), effective_at=NOW + DAY)
    access = access_of(None, CATALOGUE, NOW, (), [late, soon, first, waiting])
    assert [grant["id"] for grant in access.grants] == [str(each.id) for each in (first, soon, late)]
    assert access.next_change_at == NOW + DAY


def test_grants_wait_behind_a_deny_of_everything() -> None:
    given, deny = a_grant(days=1), replace(an_override("deny"), starts_at=NOW, expires_at=NOW + 2 * DAY)
    later = a_grant(days=9)
    denied = access_of(None, CATALOGUE, NOW, [deny], [given, later])
    assert (denied.grants, denied.next_change_at) == ((), NOW + 2 * DAY)
    after = access_of(None, CATALOGUE, NOW + 2 * DAY, [deny], [given, later])
    assert [grant["id"] for grant in after.grants] == [str(later.id)]


@pytest.mark.parametrize(
    ("override", "refusal"),
    [
        (replace(an_override("deny"), expires_at=NOW + LONGEST + DAY), ExpiryTooFar),
        (replace(an_override("deny"), starts_at=NOW - 2 * DAY, expires_at=NOW), ExpiryInPast),
        (replace(an_override("deny"), starts_at=NOW + 12 * DAY), ExpiryInPast),
        (an_override("allow", "flying"), FeatureUnknown),
        (an_override("allow", "stories.day"), OverrideUnfit),
        (an_override("deny", "models.tier"), OverrideUnfit),
        (an_override("limit", "chat.access", 1), OverrideUnfit),
        (an_override("limit", EVERYTHING, 1), OverrideUnfit),
        (an_override("limit", "stories.day"), OverrideUnfit),
        (an_override("deny", "stories.day", 1), OverrideUnfit),
    ],
)
def test_an_override_that_says_nothing_is_refused(override: Override, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        override.check(CATALOGUE, NOW)


def test_what_fits_is_not_refused() -> None:
    for override in (
        an_override("deny"),
        an_override("allow"),
        an_override("deny", "stories.day"),
        an_override("limit", "stories.day", 0),
    ):
        override.check(CATALOGUE, NOW)
    a_grant().check(CATALOGUE, NOW)
    with pytest.raises(MeterUnknown):
        a_grant("chat.access").check(CATALOGUE, NOW)
    with pytest.raises(ExpiryRequired):
        check_expiry(NOW, None, NOW)


def test_nothing_is_ended_twice() -> None:
    with pytest.raises(AlreadyRevoked):
        an_override("deny").revoked(ADMIN, "a mistake", NOW).revoked(ADMIN, "again", NOW)
    with pytest.raises(AlreadyVoided):
        a_grant().voided(ADMIN, "a mistake", NOW).voided(ADMIN, "again", NOW)
