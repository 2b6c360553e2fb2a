"""Overrides, grants and the history over both stores: who changed what, from when on, and what others hear."""

import asyncio
import itertools
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from common_service.idempotency import IdempotencyKeyReused
from payment_service.application.access_changes import amending
from payment_service.application.access_ports import PastVersion, Span
from payment_service.application.change_grants import GrantWish
from payment_service.application.change_overrides import OverrideWish
from payment_service.application.ports import Attempt
from payment_service.domain.access import DENIED, AccessState, Cause
from payment_service.domain.errors import (
    AlreadyGranted,
    AlreadyRevoked,
    AlreadyVoided,
    ExpiryRequired,
    FeatureUnknown,
    GrantNotFound,
    HistoryNotYet,
    OverrideNotFound,
)
from payment_service.domain.ids import UserId
from payment_service.domain.overrides import Effect
from services.payment_service.tests.harness import TTL, Harness, somebody

pytestmark = pytest.mark.anyio
ADMIN = UserId(UUID(int=7))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def by_admin(key: str | None = None, digest: bytes = b"body") -> Attempt:
    return Attempt(ADMIN, "POST /overrides", key or str(uuid4()), digest)


def a_wish(harness: Harness, user_id: UserId, effect: Effect = "deny", hours: int = 24, start: int = 0) -> OverrideWish:
    now = harness.clock.now
    return OverrideWish(user_id, effect, "*", None, now + start * HOUR, now + hours * HOUR, "a good reason")


def a_grant(harness: Harness, user_id: UserId, ref: str | None = None) -> GrantWish:
    now = harness.clock.now
    return GrantWish(user_id, "tokens.month", 5000, 100, None, now + DAY, "referral", ref)


async def history(harness: Harness, user_id: UserId) -> list[PastVersion]:
    found, _ = await harness.use_cases.read_history.page(user_id, Span(), 100)
    return list(found)


async def test_a_deny_locks_at_once_and_a_revocation_unlocks_at_once(harness: Harness) -> None:
    user_id = somebody()
    await harness.subscribe(user_id)
    kept = await harness.use_cases.add_override(by_admin(), a_wish(harness, user_id))
    denied = await harness.access(user_id)
    assert (denied.access.is_entitled, denied.access.reason, denied.cause.type) == (False, DENIED, "override")
    assert (denied.cause.id, denied.cause.actor) == (kept.answer.body["id"], ADMIN)
    revoked = await harness.use_cases.revoke_override(UUID(denied.cause.id), ADMIN, "a mistake of ours")
    assert (revoked.revoked_by, revoked.revoke_reason) == (ADMIN, "a mistake of ours")
    assert (await harness.access(user_id)).access.is_entitled
    told = [fact for fact in await harness.told() if fact.type == "access.changed"]
    assert [fact.data["entitled"] for fact in told] == [True, False, True]
    with pytest.raises(AlreadyRevoked):
        await harness.use_cases.revoke_override(revoked.id, ADMIN, "once more")
    with pytest.raises(OverrideNotFound):
        await harness.use_cases.revoke_override(uuid4(), ADMIN, "of nobody")


async def test_an_override_begins_and_ends_by_itself_without_traffic(harness: Harness) -> None:
    user_id, begin = somebody(), harness.clock.now
    await harness.use_cases.add_override(by_admin(), a_wish(harness, user_id, "allow", hours=3, start=1))
    assert not (await harness.access(user_id)).access.is_entitled
    harness.clock.now = begin + HOUR
    await asyncio.gather(harness.apply_edges(), harness.apply_edges())
    harness.clock.now = begin + 3 * HOUR
    await asyncio.gather(harness.apply_edges(), harness.apply_edges())
    told = [fact.data for fact in await harness.told() if fact.type == "access.changed"]
    assert [(fact["version"], fact["entitled"]) for fact in told] == [(1, False), (2, True), (3, False)]
    assert told[1]["computed_at"] == told[0]["next_change_at"]
    assert [fact["cause_type"] for fact in told] == ["override", "timer", "timer"]


async def test_edges_that_nobody_drew_are_in_force_from_their_own_instant(harness: Harness) -> None:
    user_id, begin = somebody(), harness.clock.now
    await harness.use_cases.add_override(by_admin(), a_wish(harness, user_id, "allow", hours=3, start=1))
    harness.clock.advance(days=40)
    assert not (await harness.access(user_id)).access.is_entitled
    ended, allowed, waiting = await history(harness, user_id)
    assert [each.version.valid_from for each in (waiting, allowed, ended)] == [begin, begin + HOUR, begin + 3 * HOUR]
    assert [each.valid_to for each in (waiting, allowed, ended)] == [begin + HOUR, begin + 3 * HOUR, None]
    assert allowed.version.access.is_entitled


async def test_the_history_tells_what_somebody_could_do_at_any_instant_and_why(harness: Harness) -> None:
    user_id, read = somebody(), harness.use_cases.read_history.at
    born = harness.clock.now
    harness.clock.advance(hours=1)
    customer = await harness.subscribe(user_id)
    paid = harness.clock.now
    harness.clock.advance(days=30)
    harness.stripe.fail_payment(customer)
    await harness.settle()
    failed = harness.clock.now
    harness.clock.advance(days=8)
    late = harness.clock.now
    seen = [await read(user_id, instant) for instant in (born, paid, failed, failed + 7 * DAY, late)]
    assert [each.version.version for each in seen] == [0, 1, 2, 3, 3]
    assert [each.version.access.is_entitled for each in seen] == [False, True, True, False, False]
    assert [each.version.cause.type for each in seen] == ["signup", "webhook", "webhook", "timer", "timer"]
    assert [each.valid_to for each in seen] == [paid, failed, failed + 7 * DAY, None, None]
    assert seen[3].version.access.state is AccessState.DELINQUENT
    with pytest.raises(HistoryNotYet):
        await read(user_id, late + DAY)


async def test_the_history_comes_in_pages_without_gap_or_overlap(harness: Harness) -> None:
    user_id, begin = somebody(), harness.clock.now
    for _ in range(4):
        await harness.use_cases.add_override(by_admin(), a_wish(harness, user_id, hours=1))
        harness.clock.advance(hours=2)
    versions = await history(harness, user_id)
    assert [each.version.version for each in versions] == [8, 7, 6, 5, 4, 3, 2, 1]
    for younger, older in itertools.pairwise(versions):
        assert older.valid_to == younger.version.valid_from
    read = harness.use_cases.read_history.page
    first, more = await read(user_id, Span(), 3)
    rest, end = await read(user_id, Span(before_version=first[-1].version.version), 5)
    assert (more, end, [*first, *rest]) == (True, False, versions)
    middle, _ = await read(user_id, Span(begin + 2 * HOUR, begin + 4 * HOUR), 9)
    assert [each.version.version for each in middle] == [4, 3]


async def test_the_same_key_keeps_one_override(harness: Harness) -> None:
    user_id = somebody()
    wish, attempt = a_wish(harness, user_id), by_admin("key")
    first, again = await asyncio.gather(*(harness.use_cases.add_override(attempt, wish) for _ in range(2)))
    assert first.answer == again.answer
    assert sorted((first.is_replay, again.is_replay)) == [False, True]
    with pytest.raises(IdempotencyKeyReused):
        await harness.use_cases.add_override(by_admin("key", b"other"), wish)
    billing = await harness.use_cases.read_billing(user_id)
    assert [str(each.id) for each in billing.overrides] == [first.answer.body["id"]]


async def test_what_is_refused_leaves_nothing_behind(harness: Harness) -> None:
    user_id, attempt = somebody(), by_admin("key")
    wish = OverrideWish(user_id, "deny", "flying", None, None, harness.clock.now + DAY, "a good reason")
    with pytest.raises(FeatureUnknown):
        await harness.use_cases.add_override(attempt, wish)
    endless = OverrideWish(user_id, "deny", "*", None, None, None, "a good reason")
    with pytest.raises(ExpiryRequired):
        await harness.use_cases.add_override(attempt, endless)
    await harness.use_cases.add_override(attempt, a_wish(harness, user_id))
    assert len((await harness.use_cases.read_billing(user_id)).overrides) == 1


async def test_a_grant_counts_until_it_ends_and_pays_once(harness: Harness) -> None:
    user_id = somebody()
    kept = await harness.use_cases.add_grant(by_admin(), a_grant(harness, user_id, "referral-1"))
    version = await harness.access(user_id)
    assert [grant["id"] for grant in version.access.grants] == [kept.answer.body["id"]]
    assert (version.access.is_entitled, version.cause.type, version.cause.actor) == (False, "grant", ADMIN)
    with pytest.raises(AlreadyGranted):
        await harness.use_cases.add_grant(by_admin(), a_grant(harness, somebody(), "referral-1"))
    harness.clock.advance(days=1)
    assert (await harness.access(user_id)).access.grants == ()
    assert await harness.types() == ["entitlement.granted", "access.changed", "access.changed"]


async def test_a_voided_grant_counts_no_more(harness: Harness) -> None:
    user_id = somebody()
    kept = await harness.use_cases.add_grant(by_admin(), a_grant(harness, user_id))
    grant_id = UUID(str(kept.answer.body["id"]))
    voided = await harness.use_cases.void_grant(grant_id, ADMIN, "given by mistake")
    assert (voided.voided_by, (await harness.access(user_id)).access.grants) == (ADMIN, ())
    assert (await harness.use_cases.read_billing(user_id)).grants == [voided]
    assert (await harness.types())[-2:] == ["entitlement.voided", "access.changed"]
    with pytest.raises(AlreadyVoided):
        await harness.use_cases.void_grant(grant_id, ADMIN, "once more")
    with pytest.raises(GrantNotFound):
        await harness.use_cases.void_grant(uuid4(), ADMIN, "of nobody")


async def test_many_people_are_read_at_once_in_their_order(harness: Harness) -> None:
    paying, unknown, lapsed = somebody(), somebody(), somebody()
    await harness.subscribe(paying)
    await harness.use_cases.add_override(by_admin(), a_wish(harness, lapsed, "allow", hours=1))
    harness.clock.advance(hours=1)
    found = await harness.use_cases.read_access.many([lapsed, paying, unknown, paying])
    assert [each.user_id for each in found] == [lapsed, paying, unknown, paying]
    assert [each.access.is_entitled for each in found] == [False, True, False, True]


async def test_overrides_at_the_same_time_are_all_kept_and_versions_only_grow(harness: Harness) -> None:
    user_id = somebody()
    wishes = [a_wish(harness, user_id, "allow", hours=n + 1) for n in range(5)]
    await asyncio.gather(*(harness.use_cases.add_override(by_admin(), wish) for wish in wishes))
    told = [fact.version for fact in await harness.told() if fact.type == "access.changed"]
    assert told == sorted(set(told))
    assert len((await harness.use_cases.read_billing(user_id)).overrides) == 5


async def test_whoever_waited_for_an_edge_does_not_undo_it(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    harness.stripe.fail_payment(customer)
    await harness.settle()
    before = harness.clock.now
    harness.clock.advance(days=7)
    drawn = await harness.access(user_id)
    assert drawn.access.state is AccessState.DELINQUENT
    async with harness.work() as work:  # began before the edge, and waited for the person until behind it
        async with amending(work, user_id, Cause("override", "waited"), before, TTL):
            pass
        await work.commit()
    assert await harness.access(user_id) == drawn
