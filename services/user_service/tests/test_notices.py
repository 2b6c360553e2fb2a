"""What people are told of their payments: listed and mailed, each thing once, and only while it is true."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from common_events.envelope import Envelope
from common_events.handlers import AfterCommit, Many
from common_service.database import Database
from common_service.ids import uuid7
from common_service.testing import FixedClock
from services.user_service.tests.worlds import NOON, World, a_profile
from user_service.application.deliver_messages import DeliverMessages
from user_service.application.notice_ports import Behind
from user_service.application.notify import notify, remind_of_payment, stop_reminding
from user_service.application.ports import StartWork
from user_service.application.prune_notices import PruneNotices
from user_service.domain.billing_notices import granted, payment_due, subscription_changed
from user_service.domain.errors import MailRefused, MailUnavailable
from user_service.domain.notification import USUAL, Channel, Notice, NoticeKind
from user_service.domain.profile import Profile, UserId
from user_service.infrastructure.heard_events import HeardEvents
from user_service.infrastructure.repositories import SqlUserWork

pytestmark = pytest.mark.anyio
UNTIL = NOON + timedelta(days=7)
BEGUN = subscription_changed("created", "sub_1", "pro", 1)


def due(day: int = 0) -> Notice:
    return payment_due("sub_1", "pro", day, UNTIL)


@dataclass(slots=True)
class Post:
    """A mailer that keeps what it sends, and fails as it is told."""

    world: World
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    async def send(self, address: str, subject: str, text: str) -> str:
        assert self.world.open == 0
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append((address, subject, text))
        return f"mail-{len(self.sent)}"


@dataclass(slots=True)
class House:
    """The list and the queue over one store."""

    start_work: StartWork
    world: World
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOON))
    post: Post = field(init=False)

    def __post_init__(self) -> None:
        self.post = Post(self.world)

    async def somebody(self) -> Profile:
        profile = a_profile()
        async with self.start_work() as work:
            await work.profiles.add(profile)
            await work.commit()
        return profile

    async def tell(self, user_id: UserId, notice: Notice) -> None:
        async with self.start_work() as work:
            tell = remind_of_payment if notice.kind is NoticeKind.PAYMENT_DUE else notify
            await tell(work, user_id, notice, self.clock(), uuid7)
            await work.commit()

    async def deliver(self) -> None:
        await DeliverMessages(self.start_work, self.post, self.clock, "TrueCrime")()

    async def listed(self, user_id: UserId) -> list[str]:
        async with self.start_work() as work:
            return [each.title for each in await work.notifications.page(user_id, 99, None)]


@pytest.fixture
def house(start_work: StartWork, world: World) -> House:
    return House(start_work, world)


async def test_a_reminder_stands_in_the_list_and_is_mailed_once_however_often_it_is_told(house: House) -> None:
    ann = await house.somebody()
    for _ in range(2):
        await house.tell(ann.id, due())
        await house.deliver()
    assert await house.listed(ann.id) == ["Your payment did not go through"]
    [(address, subject, text)] = house.post.sent
    assert (address, subject) == (ann.email, "Your payment did not go through")
    assert "28 November 2026, 12:00 UTC" in text
    assert "pro" in text


async def test_each_day_of_a_spell_is_a_reminder_of_its_own(house: House) -> None:
    ann = await house.somebody()
    for day in (0, 3, 6):
        await house.tell(ann.id, due(day))
        await house.deliver()
    assert len(house.post.sent) == 3
    assert len(await house.listed(ann.id)) == 3


async def test_whoever_paid_is_not_reminded_of_what_waits_in_the_queue(house: House) -> None:
    ann, bob = await house.somebody(), await house.somebody()
    for somebody in (ann, bob):
        await house.tell(somebody.id, due())
    async with house.start_work() as work:
        await stop_reminding(work, ann.id, "sub_1")
        await work.commit()
    await house.deliver()
    assert [address for address, _, _ in house.post.sent] == [bob.email]


async def test_of_reminders_that_could_not_go_out_only_the_latest_does(house: House) -> None:
    ann = await house.somebody()
    house.post.faults = [MailUnavailable("Throttling")]
    await house.tell(ann.id, due(0))
    await house.deliver()
    house.clock.advance(days=3)
    await house.tell(ann.id, due(3))
    await house.deliver()
    assert [subject for _, subject, _ in house.post.sent] == ["Your payment is still open"]


async def test_nobody_is_told_what_is_true_no_more(house: House) -> None:
    ann = await house.somebody()
    await house.tell(ann.id, due())
    house.clock.advance(days=7)
    await house.deliver()
    await house.tell(ann.id, due(6))
    await house.deliver()
    assert house.post.sent == []
    assert len(await house.listed(ann.id)) == 1


async def test_people_are_told_as_they_chose(house: House) -> None:
    ann = await house.somebody()
    async with house.start_work() as work:
        assert await work.choices.of(ann.id) == USUAL
        await work.choices.replace(
            ann.id,
            {
                NoticeKind.PAYMENT_DUE: frozenset({Channel.EMAIL}),
                NoticeKind.SUBSCRIPTION: frozenset({Channel.EMAIL}),
                NoticeKind.GRANT: frozenset(),
            },
        )
        await work.commit()
    for notice in (due(), BEGUN, granted(str(uuid4()), "tokens.month", 9, UNTIL)):
        await house.tell(ann.id, notice)
    await house.deliver()
    assert await house.listed(ann.id) == []
    assert [subject for _, subject, _ in house.post.sent] == ["Your payment did not go through", "Your plan has begun"]


async def test_a_mail_that_fails_is_tried_again_later_and_one_that_is_refused_is_not(house: House) -> None:
    ann = await house.somebody()
    house.post.faults = [MailUnavailable("ServiceUnavailable"), MailRefused("MessageRejected")]
    await house.tell(ann.id, due())
    await house.deliver()
    await house.deliver()
    assert len(house.post.faults) == 1
    for _ in range(3):
        house.clock.advance(seconds=60)
        await house.deliver()
    assert (house.post.faults, house.post.sent) == ([], [])


async def test_a_mail_whose_sender_died_goes_out_after_the_lease(house: House) -> None:
    ann = await house.somebody()
    await house.tell(ann.id, due())
    async with house.start_work() as work:
        claimed = await work.messages.claim(house.clock(), timedelta(minutes=2))
        await work.commit()
    assert claimed is not None
    await house.deliver()
    assert house.post.sent == []
    house.clock.advance(seconds=121)
    await house.deliver()
    async with house.start_work() as work:
        await work.messages.put_off(claimed, "late", None)
        await work.commit()
    await house.deliver()
    assert len(house.post.sent) == 1


async def test_who_has_no_profile_is_not_told(house: House) -> None:
    await house.tell(UserId(uuid4()), due())
    await house.deliver()
    assert house.post.sent == []


async def test_a_list_is_paged_and_what_was_read_is_read(house: House) -> None:
    ann, bob = await house.somebody(), await house.somebody()
    for version in range(1, 6):
        for somebody in (ann, bob):
            await house.tell(somebody.id, subscription_changed("renewed", "sub_1", "pro", version))
        house.clock.advance(seconds=1)
    async with house.start_work() as work:
        first = await work.notifications.page(ann.id, 2, None)
        rest = await work.notifications.page(ann.id, 9, Behind(first[-1].created_at, first[-1].id))
        assert [len(first), len(rest)] == [2, 3]
        assert first[0].data == {"plan": "pro", "change": "renewed"}
        await work.notifications.read(bob.id, [first[0].id], house.clock())
        await work.notifications.read(ann.id, [first[1].id], house.clock())
        await work.notifications.read_before(ann.id, rest[0].created_at, house.clock())
        await work.commit()
    async with house.start_work() as work:
        unread = await work.notifications.page(ann.id, 9, None, only_unread=True)
        assert [each.id for each in unread] == [first[0].id]
        assert len(await work.notifications.page(bob.id, 9, None, only_unread=True)) == 5


def envelope(kind: str, user_id: UUID, data: dict[str, object], at: datetime = NOON) -> Envelope:
    return Envelope(
        id=uuid7(),
        type=kind,
        source="payment",
        schema_version=1,
        subject=user_id,
        time=at,
        partition_key=str(user_id),
        aggregate_version=1,
        correlation_id=None,
        causation_id=None,
        traceparent=None,
        data=data,
    )


async def nobody(_: str, __: datetime) -> None:
    raise AssertionError("nobody is shut out")


async def test_payment_service_is_heard(database: Database, world: World) -> None:
    house = House(lambda: SqlUserWork(database), world)
    ann, handlers = await house.somebody(), HeardEvents(house.clock, uuid7, nobody, timedelta(days=30)).handlers()
    notice = {"subscription_id": "sub_1", "plan": "pro", "day": 3, "grace_until": "2026-11-28T12:00:00Z"}
    renewed = {"subscription_id": "sub_1", "plan": "pro", "version": 4}
    grant = {"grant_id": str(uuid4()), "meter": "tokens.month", "amount": 5, "expires_at": "2026-12-01T00:00:00Z"}
    for kind, data in (
        ("dunning.notice_due", notice),
        ("dunning.notice_due", notice),
        ("subscription.renewed", renewed),
        ("entitlement.granted", grant),
    ):
        house.clock.advance(seconds=1)
        async with database.session() as session:
            handler = handlers[kind]
            assert not isinstance(handler, AfterCommit | Many)
            await handler(session, envelope(kind, ann.id, data))
            await session.commit()
    await house.deliver()
    assert house.post.sent == []
    assert await house.listed(ann.id) == ["Something extra for you", "Your plan goes on", "Your payment is still open"]


async def test_what_was_told_long_ago_goes_batch_by_batch_and_what_still_waits_stays(house: House) -> None:
    ann = await house.somebody()
    for day in range(3):
        await house.tell(ann.id, granted(f"grant-{day}", "tokens.month", day + 1, UNTIL))
        await house.tell(ann.id, payment_due(f"sub_{day}", "pro", 0, UNTIL))
    house.post.faults = [MailUnavailable("Throttling")]
    await house.deliver()  # one stays queued
    house.clock.advance(days=100)
    await house.tell(ann.id, granted("grant-young", "tokens.month", 9, UNTIL + timedelta(days=365)))
    prune = PruneNotices(house.start_work, house.clock, timedelta(days=100), at_once=4)
    assert await prune() is False, "nothing is older yet"
    assert len(await house.listed(ann.id)) == 7
    house.clock.advance(seconds=1)
    assert [await prune(), await prune()] == [True, False]
    assert len(await house.listed(ann.id)) == 1
    async with house.start_work() as work:
        waiting = await work.messages.claim(house.clock(), timedelta(minutes=1))
    assert waiting is not None
