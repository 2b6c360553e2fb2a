"""The messaging tables that every service's schema has."""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB


@dataclass(frozen=True, slots=True)
class MessagingTables:
    """Outbox, inbox and dead letters of one schema, and who is known to consume its events."""

    outbox: Table
    inbox: Table
    dead_letters: Table
    consumers: Table


def messaging_tables(metadata: MetaData) -> MessagingTables:
    """Describe the messaging tables in a service's metadata (`ddl.MESSAGING_V1` makes them)."""
    return MessagingTables(_outbox(metadata), _inbox(metadata), _dead_letters(metadata), _consumers(metadata))


def _outbox(metadata: MetaData) -> Table:
    table = Table(
        "outbox",
        metadata,
        Column("seq", BigInteger, Identity(always=True), nullable=False),
        Column("event_id", Uuid, nullable=False),
        Column("type", Text, nullable=False),
        Column("schema_version", SmallInteger, nullable=False),
        Column("subject", Uuid),
        Column("partition_key", Text, nullable=False),
        Column("aggregate_version", BigInteger, nullable=False),
        Column("payload", JSONB, nullable=False),
        Column("correlation_id", Text),
        Column("causation_id", Uuid),
        Column("traceparent", Text),
        Column("occurred_at", DateTime(timezone=True), nullable=False),
        Column("published_at", DateTime(timezone=True)),
        Column("consumed_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("event_id"),
        UniqueConstraint("seq"),
        CheckConstraint(r"type ~ '^[a-z_]+(\.[a-z_]+)+$'", name="type_dotted"),
    )
    Index("ix_outbox_unpublished", table.c.seq, postgresql_where=table.c.published_at.is_(None))
    sent = table.c.published_at.is_not(None) & table.c.consumed_at.is_(None)
    Index("ix_outbox_unconsumed", table.c.seq, postgresql_where=sent)
    return table


def _inbox(metadata: MetaData) -> Table:
    return Table(
        "inbox",
        metadata,
        Column("consumer", Text, nullable=False),
        Column("event_id", Uuid, nullable=False),
        Column("type", Text, nullable=False),
        Column("processed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
        PrimaryKeyConstraint("consumer", "event_id"),
        Index("ix_inbox_processed_at", "processed_at", postgresql_using="brin"),
    )


def _consumers(metadata: MetaData) -> Table:
    return Table(
        "event_consumers",
        metadata,
        Column("name", Text, nullable=False),
        Column("first_seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        PrimaryKeyConstraint("name"),
    )


def _dead_letters(metadata: MetaData) -> Table:
    return Table(
        "dead_letters",
        metadata,
        Column("consumer", Text, nullable=False),
        Column("event_id", Uuid, nullable=False),
        Column("envelope", JSONB, nullable=False),
        Column("error", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("first_failed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("last_failed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("redriven_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("consumer", "event_id"),
    )
