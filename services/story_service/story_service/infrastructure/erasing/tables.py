"""The rows of erasures."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row


class ErasureRow(Row):
    """Somebody who left; `counts` is how much was erased of what."""

    __tablename__ = "erasures"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    done_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_erasures_waiting", "asked_at", postgresql_where=text("done_at IS NULL")),)
