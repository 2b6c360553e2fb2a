"""The rows of the catalog."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, Index, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row

_SEARCH = "setweight(to_tsvector('simple', key), 'A') || setweight(to_tsvector('simple', summary), 'B')"
_PUBLIC = text("visibility = 'public'")
THIS_TRANSACTION = text("CAST(CAST(pg_current_xact_id() AS text) AS bigint)")


class CatalogRow(Row):
    """Something that can be found, or (hidden) could be. `key` and `summary` are folded.

    `changed_in` is the transaction that changed it last: by it others learn what they have not seen yet.
    """

    __tablename__ = "catalog_entries"

    type: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    key: Mapped[str]
    summary: Mapped[str] = mapped_column(server_default=text("''"))
    truth_mode: Mapped[str | None]
    language: Mapped[str | None]
    popularity: Mapped[int] = mapped_column(server_default=text("0"))
    visibility: Mapped[str] = mapped_column(server_default=text("'public'"))
    changed_at: Mapped[datetime]
    changed_in: Mapped[int] = mapped_column(server_default=THIS_TRANSACTION)
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed(_SEARCH, persisted=True), deferred=True, nullable=True)

    __table_args__ = (
        CheckConstraint("type IN ('story','case','character','title')", name="type_known"),
        CheckConstraint("visibility IN ('public','hidden')", name="visibility_known"),
        CheckConstraint("visibility = 'public' OR (title = '' AND summary = '')", name="hidden_is_empty"),
        CheckConstraint("popularity >= 0", name="popularity_not_negative"),
        Index("ix_catalog_entries_search", "search", postgresql_using="gin", postgresql_where=_PUBLIC),
        Index(
            "ix_catalog_entries_popular",
            "type",
            text("popularity DESC"),
            text("id DESC"),
            postgresql_where=_PUBLIC,
        ),
        Index("ix_catalog_entries_key", "key", postgresql_ops={"key": "text_pattern_ops"}, postgresql_where=_PUBLIC),
        Index("ix_catalog_entries_changed_in", "changed_in"),
        Index("ix_catalog_entries_hidden", "changed_at", postgresql_where=text("visibility = 'hidden'")),
    )
