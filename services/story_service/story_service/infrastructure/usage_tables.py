"""The rows that hold money: windows, reservations, the ledger."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row


class WindowRow(Row):
    """What a reader holds and has used of a meter in one window."""

    __tablename__ = "usage_windows"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    meter: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    window_end: Mapped[datetime]
    reserved: Mapped[int] = mapped_column(server_default=text("0"))
    settled: Mapped[int] = mapped_column(server_default=text("0"))

    __table_args__ = (
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        CheckConstraint("settled >= 0", name="settled_not_negative"),
        CheckConstraint("window_end > window_start", name="ends_after_start"),
    )


class GrantRow(Row):
    """What is held and used of units on top of a plan; a row is made when they are first drawn upon."""

    __tablename__ = "credit_grants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    meter: Mapped[str]
    amount: Mapped[int]
    priority: Mapped[int] = mapped_column(Integer)
    effective_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    reserved: Mapped[int] = mapped_column(server_default=text("0"))
    settled: Mapped[int] = mapped_column(server_default=text("0"))

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        CheckConstraint("settled >= 0", name="settled_not_negative"),
        CheckConstraint("reserved + settled <= amount", name="burnt_once"),
        CheckConstraint("expires_at > effective_at", name="ends_after_start"),
        Index("ix_credit_grants_user_id", "user_id", "meter"),
    )


class ReservationRow(Row):
    """The money that one generation holds."""

    __tablename__ = "reservations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    generation_id: Mapped[UUID] = mapped_column(ForeignKey("story.generations.id"), unique=True)
    payer_id: Mapped[UUID]
    state: Mapped[str]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('open','settled','released')", name="state_known"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_has_time"),
        Index("ix_reservations_open", "expires_at", postgresql_where=text("state = 'open'")),
    )


class LineRow(Row):
    """One meter of a reservation, from its window or from a grant. Settled never exceeds reserved: the price cap."""

    __tablename__ = "reservation_lines"

    reservation_id: Mapped[UUID] = mapped_column(
        ForeignKey("story.reservations.id", ondelete="CASCADE"), primary_key=True
    )
    line_no: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    meter: Mapped[str]
    source: Mapped[str]
    window_start: Mapped[datetime | None]
    window_end: Mapped[datetime | None]
    grant_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.credit_grants.id"))
    reserved: Mapped[int]
    settled: Mapped[int | None]

    __table_args__ = (
        CheckConstraint("source IN ('window','grant')", name="source_known"),
        CheckConstraint("(source = 'window') = (window_start IS NOT NULL)", name="window_named"),
        CheckConstraint("(window_start IS NULL) = (window_end IS NULL)", name="window_whole"),
        CheckConstraint("(source = 'grant') = (grant_id IS NOT NULL)", name="grant_named"),
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        CheckConstraint("settled >= 0", name="settled_not_negative"),
        CheckConstraint("settled IS NULL OR settled <= reserved", name="price_cap"),
    )


class LedgerRow(Row):
    """One entry of a reader's chain. The service may add, nobody may change."""

    __tablename__ = "ledger_entries"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    meter: Mapped[str]
    kind: Mapped[str]
    amount: Mapped[int]
    reservation_id: Mapped[UUID | None]
    grant_id: Mapped[UUID | None]
    ref: Mapped[str | None]
    reserved_after: Mapped[int]
    settled_after: Mapped[int]
    occurred_at: Mapped[datetime]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]

    __table_args__ = (
        CheckConstraint("seq > 0", name="seq_positive"),
        CheckConstraint("kind IN ('reserve','settle','release','grant','void','adjust')", name="kind_known"),
        CheckConstraint("length(prev_hash) = 32", name="prev_hash_length"),
        CheckConstraint("length(hash) = 32", name="hash_length"),
        Index(
            "uq_ledger_entries_once",
            "reservation_id",
            "meter",
            "kind",
            "grant_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("reservation_id IS NOT NULL"),
        ),
    )


class HeadRow(Row):
    """The end of a reader's chain, and the lock of all that reader's usage."""

    __tablename__ = "ledger_heads"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]
