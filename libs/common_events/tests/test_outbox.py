"""Facts in the writer's transaction, and envelopes on the wire."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars

from common_events.envelope import Envelope
from common_events.outbox import Fact, SqlOutbox
from common_events.pruning import pruning
from common_events.tables import messaging_tables
from common_service.database import Database
from common_service.ids import uuid7
from common_service.tables import schema_metadata
from common_service.testing import FixedClock

pytestmark = pytest.mark.anyio
TABLES = messaging_tables(schema_metadata("kit"))
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def fact(**changed: Any) -> Fact:
    fields = {"type": "story.created", "partition_key": "a", "aggregate_version": 1, "data": {}, "occurred_at": NOW}
    return Fact(**{**fields, **changed})


async def rows(database: Database) -> Sequence[Any]:
    async with database.session() as session:
        return (await session.execute(TABLES.outbox.select().order_by(TABLES.outbox.c.seq))).all()


async def test_facts_share_the_fate_of_their_transaction(database: Database) -> None:
    async with database.session() as session:
        await SqlOutbox(session, TABLES).add(fact())
    assert await rows(database) == []
    async with database.session() as session:
        await SqlOutbox(session, TABLES).add(fact(), fact(aggregate_version=2))
        await session.commit()
    assert [row.aggregate_version for row in await rows(database)] == [1, 2]


async def test_no_facts_are_no_statement(database: Database) -> None:
    async with database.session() as session:
        await SqlOutbox(session, TABLES).add()
        await session.commit()
    assert await rows(database) == []


async def test_ids_and_times_in_the_data_become_text(database: Database) -> None:
    async with database.session() as session:
        await SqlOutbox(session, TABLES).add(fact(data={"id": UUID(int=1), "at": NOW}))
        await session.commit()
    assert (await rows(database))[0].payload == {"id": str(UUID(int=1)), "at": "2026-11-21T12:00:00+00:00"}


async def test_data_that_is_no_json_fails_in_the_writers_hands(database: Database) -> None:
    async with database.session() as session:
        for odd in ({"x": object()}, {"x": 2**70}, {"x": {1: 2}}):
            with pytest.raises(TypeError):
                await SqlOutbox(session, TABLES).add(fact(data=odd))


async def test_request_trace_and_cause_go_with_the_fact(database: Database) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with bound_contextvars(request_id="r1", traceparent=trace, event_id=str(UUID(int=3))):
        async with database.session() as session:
            await SqlOutbox(session, TABLES).add(fact(), fact(causation_id=UUID(int=4)))
            await session.commit()
    found = await rows(database)
    assert [(row.correlation_id, row.traceparent) for row in found] == [("r1", trace)] * 2
    assert [row.causation_id for row in found] == [UUID(int=3), UUID(int=4)]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
envelopes = st.builds(
    Envelope,
    id=st.uuids(),
    type=texts,
    source=texts,
    schema_version=st.integers(1, 99),
    subject=st.none() | st.uuids(),
    time=st.datetimes(timezones=st.just(UTC)),
    partition_key=texts,
    aggregate_version=st.integers(0, 2**53),
    correlation_id=st.none() | texts,
    causation_id=st.none() | st.uuids(),
    traceparent=st.none() | texts,
    data=st.dictionaries(texts, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts, max_size=4),
)


@given(envelopes)
def test_an_envelope_comes_back_as_it_was(envelope: Envelope) -> None:
    assert Envelope.of(envelope.to_json()) == envelope


AN_ENVELOPE = Envelope(uuid7(), "a.b", "kit", 1, None, NOW, "k", 1, None, None, None, {})


def test_a_field_of_tomorrow_is_passed_over() -> None:
    document = orjson.loads(AN_ENVELOPE.to_json()) | {"datacontenttype": "application/json"}
    assert Envelope.of(orjson.dumps(document)) == AN_ENVELOPE


@pytest.mark.parametrize("raw", ["", "{}", "null", "[]", "7", '{"id": 1}', "\x00"])
def test_what_is_no_envelope_is_refused(raw: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Envelope.of(raw)


async def test_pruning_takes_what_all_have_consumed_and_nothing_else(database: Database) -> None:
    clock = FixedClock(datetime.now(UTC))
    async with database.session() as session:
        await SqlOutbox(session, TABLES).add(*(fact(aggregate_version=n) for n in range(4)))
        old, new = clock() - timedelta(days=8), clock() - timedelta(days=6)
        for n, consumed in ((0, old), (1, new)):
            statement = TABLES.outbox.update().where(TABLES.outbox.c.aggregate_version == n)
            await session.execute(statement.values(published_at=old, consumed_at=consumed))
        await session.execute(
            TABLES.outbox.update().where(TABLES.outbox.c.aggregate_version == 2).values(published_at=old)
        )
        for days in (29, 31):
            values = {
                "consumer": "c",
                "event_id": uuid7(),
                "type": "a.b",
                "processed_at": clock() - timedelta(days=days),
            }
            await session.execute(TABLES.inbox.insert().values(**values))
        await session.commit()
    stop = asyncio.Event()
    job = asyncio.create_task(_run(pruning(database, TABLES, clock).run, stop))
    await asyncio.sleep(0.2)
    stop.set()
    await job
    assert [row.aggregate_version for row in await rows(database)] == [1, 2, 3]
    async with database.session() as session:
        assert len((await session.execute(TABLES.inbox.select())).all()) == 1


async def _run(run: Any, stop: asyncio.Event) -> None:
    await run(stop)
