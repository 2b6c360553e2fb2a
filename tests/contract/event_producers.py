"""Every service that tells something, driven through its use cases until it has told all it can, onto the wire."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import dict_row
from redis.asyncio import Redis
from sqlalchemy import Table
from structlog.contextvars import bound_contextvars

from common_events.redis_streams import RedisPublisher, stream_of
from common_events.relay import Relay
from common_service.database import Database
from common_service.ids import uuid7
from common_service.testing import FixedClock
from payment_service.application.change_grants import GrantWish
from payment_service.application.send_dunning import SendDunning
from payment_service.domain.events import Fact
from payment_service.domain.subscription import ProviderStatus
from payment_service.infrastructure.base import MESSAGING as PAYMENT_TABLES
from payment_service.infrastructure.work import SqlPaymentWork
from services.payment_service.tests.harness import Harness, attempt, somebody
from services.payment_service.tests.memory import Memory
from services.payment_service.tests.worlds import FakeStripe
from services.story_service.tests.a_case import REVIEWER, a_file, a_moderation_case, a_person
from services.story_service.tests.memory import MemoryDatabase
from services.story_service.tests.memory_library import starter
from services.story_service.tests.worlds import READER, STORY_TEXT, UNSAFE, in_pieces, story_of, with_shelf
from services.story_service.tests.worlds import World as StoryWorld
from services.user_service.tests.worlds import NOON, MemoryDoors, a_user_id, an_identity
from services.user_service.tests.worlds import World as UserWorld
from story_service.application.accept_generations import Call
from story_service.application.attempts import AttemptKey
from story_service.domain import events as story_events
from story_service.domain.analysing.analysis import AnalysisKind
from story_service.domain.cases.case_file import LegalStatus
from story_service.domain.cases.changes import with_person
from story_service.domain.chat.events import ConversationCreated, MessageCompleted
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.desk.events import ModerationCaseOpened, ModerationCaseResolved, UserStruck
from story_service.domain.desk.moderation_case import CaseKind, RulingVerdict
from story_service.domain.errors import InputBlocked, WriterFailed
from story_service.domain.ids import CharacterId, DecisionId, GenerationId, StoryId
from story_service.domain.publishing.publishing import Visibility
from story_service.infrastructure.tables import messaging as story_tables
from story_service.infrastructure.work import SqlStoryWork
from user_service.application.change_profile import EditProfile, RecordConsent
from user_service.application.change_status import ChangeStatus
from user_service.application.provision_profile import ProvisionProfile
from user_service.domain import events as user_events
from user_service.domain.consent import ConsentKind
from user_service.infrastructure.repositories import SqlUserWork
from user_service.infrastructure.tables import MESSAGING as USER_TABLES

Wire = dict[str, Any]
REQUEST, CAUSE = "a request", uuid7()
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def user_tells() -> Sequence[user_events.Event]:
    """Sign somebody in, twice, and change all there is to change."""
    world, user_id = UserWorld(), a_user_id()
    world.identities = {"first": an_identity(), "second": an_identity("new@truecrime.test")}
    provision = ProvisionProfile(world.work, world, lambda: NOON)
    await provision(user_id, "first")
    await provision(user_id, "second")
    edit = EditProfile(world.work, lambda: NOON)
    await edit(user_id, {"display_name": "Ann", "locale": "en-GB", "country": "GB"}, version=2)
    await RecordConsent(world.work, lambda: NOON)(user_id, ConsentKind.TERMS, "1", given=True)
    change_status = ChangeStatus(world.work, MemoryDoors(world), lambda: NOON, uuid7)
    await change_status.suspend(user_id, NOON + timedelta(days=30), "three strikes", "strikes")
    await change_status.reinstate(user_id, "admin")
    return world.content.events


async def payment_tells() -> Sequence[Fact]:
    """Lead a subscription through its whole life, and let an event of nobody die."""
    memory, clock = Memory(), FixedClock()
    harness = Harness(memory.work, memory, FakeStripe(clock), clock)
    await harness.load_prices()
    stripe = harness.stripe
    customer = await harness.subscribe(somebody())

    async def change(**terms: Any) -> None:
        stripe.change(customer, **terms)
        await harness.settle()

    async def buy(price_id: str) -> None:
        theirs = stripe.subscriptions[customer]
        theirs[-1] = replace(theirs[-1], price_id=price_id)
        await change()

    await change(cancel_at_period_end=True)
    await change(cancel_at_period_end=False)
    clock.advance(days=30)
    stripe.fail_payment(customer)
    await harness.settle()
    await SendDunning(harness.work, clock)()
    stripe.recover(customer)
    await harness.settle()
    await buy("price_max_month")
    await buy("price_pro_month")
    stripe.take_back(customer, "refund", "succeeded")
    stripe.take_back(customer, "dispute", "needs_response")
    await harness.settle()
    stripe.change(customer, cancel_at=clock.now)
    stripe.events.clear()
    await harness.reconcile_all()
    await change(cancel_at=None)
    await change(status=ProviderStatus.PAUSED)
    await change(status=ProviderStatus.ACTIVE)
    await change(status=ProviderStatus.CANCELED)
    stripe.tell("invoice.paid", "cus_of_nobody")
    await harness.settle()
    for _ in range(11):
        clock.advance(hours=1)
        await harness.drain()
    await _give_and_take_back(harness)
    pro = memory.kept.catalogue.plans["pro"]
    sold_out = [replace(each, flag=False) if each.kind == "flag" else each for each in pro.entitlements]
    await harness.use_cases.change_entitlements("pro", sold_out, 1, somebody(), "sold out")
    return memory.kept.facts


async def _give_and_take_back(harness: Harness) -> None:
    admin, now = somebody(), harness.clock.now
    wish = GrantWish(somebody(), "tokens.month", 5000, 100, None, now + timedelta(days=1), "support", None)
    kept = await harness.use_cases.add_grant(attempt(admin), wish)
    await harness.use_cases.void_grant(UUID(str(kept.answer.body["id"])), admin, "a mistake")


async def story_tells() -> Sequence[story_events.Event]:
    """Have stories written that succeed, fail, are blocked, are cancelled, and one that nobody may ask for."""
    database = MemoryDatabase()
    world = StoryWorld(database.work, plan=with_shelf(kept=1))
    world.writer.scripts = [
        in_pieces(STORY_TEXT),
        ['{"characters": []}'],
        in_pieces(STORY_TEXT),
        [*in_pieces(STORY_TEXT)[:60], WriterFailed("provider_cut")],
        in_pieces(f"{STORY_TEXT} {UNSAFE}"),
        [*in_pieces(STORY_TEXT)[:60], asyncio.Event()],
    ]
    for n in range(3):
        written = await world.ended(await world.ask(f"key-{n}"))
        if n == 0:
            await _shown(world, story_of(written))
    stopped = await world.ask("key-3")
    await world.until_text(stopped)
    await world.use.cancel(READER, stopped.id)
    with contextlib.suppress(InputBlocked):
        await world.ask("key-4", prompt=UNSAFE)
    await world.engine.runs.drain(5)
    return [*database.tables.facts, *case_events(), *chat_events(), *desk_events()]


def case_events() -> Sequence[story_events.Event]:
    """Fill a case file, and have somebody in it acquitted."""
    accused = a_person(legal_status=LegalStatus.CHARGED)
    file = with_person(a_file(), accused, NOON).file
    return with_person(file, replace(accused, legal_status=LegalStatus.ACQUITTED), NOON).events


def chat_events() -> Sequence[story_events.Event]:
    """Chat is kept by Postgres alone, so its facts are made by hand."""
    conversation_id, message_id, generation_id = ConversationId(uuid7()), MessageId(uuid7()), GenerationId(uuid7())
    return [
        ConversationCreated(conversation_id, READER, (CharacterId(uuid7()),), NOON),
        MessageCompleted(conversation_id, message_id, generation_id, READER, 620, "gpt-5-mini", NOON),
    ]


async def _shown(world: StoryWorld, story_id: StoryId) -> None:
    """Ask about a story, publish it, have it and one of the house copied, and take it back."""
    analyse = world.use.analyse(Call(READER), story_id, [AnalysisKind.CHARACTERS], AttemptKey("ask", b"digest"))
    if accepted := (await analyse).accepted:
        await world.ended(accepted.generations[0])
    await world.use.publish(READER, story_id, Visibility.PUBLIC)
    for source in (story_id, starter()[0].id):
        await world.use.clone(READER, source, AttemptKey(str(source), b"digest"))
    await world.use.publish.withdraw(READER, story_id)
    await world.ended(await world.ask("another, for which it makes room"))


def desk_events() -> Sequence[story_events.Event]:
    """Have a report taken and upheld, which strikes the author."""
    case = a_moderation_case(CaseKind.REPORT)
    taken = case.assigned(REVIEWER)
    done = taken.decided(REVIEWER, RulingVerdict.BLOCK, ("violence",), DecisionId(uuid7()), NOON)
    return [ModerationCaseOpened(case), ModerationCaseResolved(done), UserStruck(READER, 1, "warn", NOON)]


async def told_over_the_wire(database_url: str, redis: Redis) -> list[Wire]:
    """Put everything through the services' own outboxes and a relay each, and read what Redis then holds."""
    user, payment, story = await user_tells(), await payment_tells(), await story_tells()
    with bound_contextvars(request_id=REQUEST, traceparent=TRACE, event_id=str(CAUSE)):
        await _put_out(database_url, user, payment, story)
    told: list[Wire] = []
    for schema, source in (("users", "user"), ("payment", "payment"), ("story", "story")):
        relay = Relay(database_url, schema=schema, source=source, publisher=RedisPublisher(redis))
        connecting = psycopg.AsyncConnection.connect(database_url, autocommit=True, row_factory=dict_row)
        async with await connecting as connection:
            await relay.step(connection)
        entries: Any = await redis.xrange(stream_of(source))
        told += [orjson.loads(fields[b"event"]) for _, fields in entries]
    assert len(told) == len(user) + len(payment) + len(story)
    return told


async def _put_out(
    database_url: str,
    user: Sequence[user_events.Event],
    payment: Sequence[Fact],
    story: Sequence[story_events.Event],
) -> None:
    async with _opened(database_url, USER_TABLES.outbox, SqlUserWork) as users:
        for event in user:
            await users.events.add(event)
        await users.commit()
    async with _opened(database_url, PAYMENT_TABLES.outbox, SqlPaymentWork) as payments:
        await payments.outbox.add(*payment)
        await payments.commit()
    async with _opened(database_url, story_tables.outbox, SqlStoryWork) as stories:
        await stories.tell(*story)
        await stories.commit()


@asynccontextmanager
async def _opened(database_url: str, outbox: Table, start: Callable[[Database], Any]) -> AsyncIterator[Any]:
    """Open a service's work over a schema that holds its outbox alone."""
    database = Database(database_url, pool_size=1)
    try:
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql(f"CREATE SCHEMA {outbox.schema}")
            await connection.run_sync(outbox.create)
        async with start(database) as work:
            yield work
    finally:
        await database.close()
