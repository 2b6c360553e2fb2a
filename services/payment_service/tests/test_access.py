"""The access function: the table of events-and-states.md 9.1, and what must hold for every subscription and clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.domain.access import LATE_RENEWAL, AccessState, Cause, access_of, access_state, first_access
from payment_service.domain.ids import UserId
from payment_service.domain.subscription import ProviderStatus, Subscription, Terms, governing, without_rivals
from services.payment_service.tests.shipped import shipped_catalogue

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CATALOGUE = shipped_catalogue()
moments = st.datetimes(
    datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2032-01-01"), timezones=st.just(UTC)
)


def a_subscription(status: ProviderStatus, **fields: datetime | None) -> Subscription:
    terms = Terms("sub_1", status, NOW, NOW, fields.pop("period_end", NOW + timedelta(days=30)))
    return Subscription(
        uuid4(),
        UserId(uuid4()),
        "pro",
        terms,
        NOW,
        past_due_since=fields.get("past_due_since"),
        grace_until=fields.get("grace_until"),
    )


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    start = draw(moments)
    status = draw(st.sampled_from(ProviderStatus))
    end = draw(st.none() | st.just(start + draw(st.timedeltas(timedelta(0), timedelta(days=400)))))
    failed = draw(moments) if status is ProviderStatus.PAST_DUE else None
    terms = Terms(draw(st.sampled_from(["sub_1", "sub_2", "sub_3"])), status, start, start, end)
    fresh = Subscription(uuid4(), UserId(uuid4()), draw(st.sampled_from(["pro", "max"])), terms, start)
    return fresh.with_grace(failed, timedelta(days=7)) if failed else fresh


@pytest.mark.parametrize(
    ("status", "state", "entitled", "reason"),
    [
        (ProviderStatus.INCOMPLETE, AccessState.PENDING, False, "payment_pending"),
        (ProviderStatus.INCOMPLETE_EXPIRED, AccessState.NONE, False, "no_subscription"),
        (ProviderStatus.TRIALING, AccessState.TRIALING, True, None),
        (ProviderStatus.ACTIVE, AccessState.ACTIVE, True, None),
        (ProviderStatus.UNPAID, AccessState.DELINQUENT, False, "payment_failed"),
        (ProviderStatus.PAUSED, AccessState.PAUSED, False, "subscription_paused"),
        (ProviderStatus.CANCELED, AccessState.ENDED, False, "subscription_ended"),
        (ProviderStatus.UNKNOWN, AccessState.DELINQUENT, False, "status_unknown"),
    ],
)
def test_each_status_has_its_state(
    status: ProviderStatus, state: AccessState, entitled: bool, reason: str | None
) -> None:
    standing = access_state(a_subscription(status), NOW)
    assert (standing.state, standing.is_entitled, standing.reason) == (state, entitled, reason)


def test_without_a_subscription_there_is_no_access() -> None:
    assert access_state(None, NOW).state is AccessState.NONE


@pytest.mark.parametrize("status", [ProviderStatus.ACTIVE, ProviderStatus.TRIALING])
def test_lost_renewals_are_tolerated_for_72_hours_to_the_second(status: ProviderStatus) -> None:
    subscription = a_subscription(status, period_end=NOW)
    edge = NOW + LATE_RENEWAL
    assert access_state(subscription, edge - SECOND).is_entitled
    assert access_state(subscription, edge - SECOND).next_change_at == edge
    assert access_state(subscription, edge).state is AccessState.DELINQUENT


def test_past_due_is_grace_until_its_end_to_the_second() -> None:
    edge = NOW + timedelta(days=7)
    subscription = a_subscription(ProviderStatus.PAST_DUE, past_due_since=NOW, grace_until=edge)
    before, after = access_state(subscription, edge - SECOND), access_state(subscription, edge)
    assert (before.state, before.next_change_at, before.reason) == (AccessState.GRACE, edge, "payment_failed")
    assert (after.state, after.next_change_at) == (AccessState.DELINQUENT, None)


def test_grace_is_set_once_and_ends_with_the_spell() -> None:
    past_due = a_subscription(ProviderStatus.PAST_DUE)
    started = past_due.with_grace(NOW, timedelta(days=7))
    retried = started.with_grace(NOW, timedelta(days=7)).with_grace(None, timedelta(days=7))
    assert retried.grace_until == NOW + timedelta(days=7)
    recovered = replace(retried, terms=replace(retried.terms, status=ProviderStatus.ACTIVE))
    assert recovered.with_grace(NOW, timedelta(days=7)).grace_until is None


def test_whoever_is_not_entitled_has_the_features_of_the_default_plan() -> None:
    access = access_of(a_subscription(ProviderStatus.UNPAID), CATALOGUE, NOW)
    assert (access.plan_code, access.features, access.period_end) == ("free", CATALOGUE.plans["free"].features(), None)


@given(st.none() | subscriptions(), moments)
def test_access_is_total_and_entitled_exactly_in_three_states(subscription: Subscription | None, now: datetime) -> None:
    access = access_of(subscription, CATALOGUE, now)
    assert access.is_entitled == (access.state in {"trialing", "active", "grace"})
    assert (access.plan_code == "free") == (not access.is_entitled)
    assert (access.reason is None) == (access.state in {"trialing", "active"})


@given(st.none() | subscriptions(), moments, st.timedeltas(timedelta(0), timedelta(days=800)))
def test_access_is_constant_until_its_next_change(
    subscription: Subscription | None, now: datetime, later: timedelta
) -> None:
    access = access_of(subscription, CATALOGUE, now)
    if access.next_change_at is not None:
        assert access.next_change_at > now
        assert access_of(subscription, CATALOGUE, access.next_change_at) != access
    if access.next_change_at is None or now + later < access.next_change_at:
        assert access_of(subscription, CATALOGUE, now + later) == access


@given(st.lists(subscriptions(), max_size=5), st.randoms(use_true_random=False))
def test_the_governing_subscription_does_not_depend_on_order_and_has_no_live_rival(
    found: list[Subscription], random: object
) -> None:
    named = [replace(each, terms=replace(each.terms, provider_id=f"sub_{n}")) for n, each in enumerate(found)]
    first = governing(named)
    assert governing(sorted(named, key=lambda each: hash((random, each.id)))) == first
    settled = without_rivals(named)
    live = [each for each in settled if each.terms.is_live and not each.is_superseded]
    assert len(live) <= 1
    assert not live or live[0].id == (first and first.id)


def test_a_version_begins_where_the_last_one_ends_even_if_the_clock_went_back() -> None:
    first = first_access(UserId(uuid4()), CATALOGUE, NOW)
    second = first.followed_by(first.access, CATALOGUE.default, Cause("timer", "x"), NOW - timedelta(hours=1))
    assert (second.version, second.valid_from) == (1, NOW)


def test_the_snapshot_has_the_shape_of_the_contract() -> None:
    subscription = a_subscription(ProviderStatus.PAST_DUE, past_due_since=NOW, grace_until=NOW + timedelta(days=7))
    user_id = subscription.user_id
    version = first_access(user_id, CATALOGUE, NOW).followed_by(
        access_of(subscription, CATALOGUE, NOW), CATALOGUE.plans["pro"], Cause("webhook", "evt_1"), NOW
    )
    document = version.document(30)
    features = document.pop("features")
    assert document == {
        "user_id": str(user_id),
        "version": 1,
        "state": "grace",
        "entitled": True,
        "plan": {"code": "pro", "rank": 1},
        "period": {"start": "2026-11-21T12:00:00Z", "end": "2026-12-21T12:00:00Z"},
        "grants": [],
        "reason": "payment_failed",
        "action": {"type": "update_payment_method", "href": "/payment/v1/portal-sessions"},
        "next_change_at": "2026-11-28T12:00:00Z",
        "computed_at": "2026-11-21T12:00:00Z",
        "ttl_seconds": 30,
    }
    assert features["chat.access"] == {"kind": "flag", "value": True}
    assert features["tokens.month"] == {"kind": "limit", "limit": 2_000_000, "window": "period"}
    assert features["chats.day"] == {"kind": "limit", "unlimited": True, "window": "day"}
    assert features["context.tokens"] == {"kind": "config", "value": 64_000}
