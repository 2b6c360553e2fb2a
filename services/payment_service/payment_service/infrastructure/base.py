"""What every row of this schema shares, and the tables that the libraries describe."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

from common_events.tables import messaging_tables
from common_service.idempotency import idempotency_table
from common_service.tables import schema_metadata

PROVIDER = "stripe"


class Row(DeclarativeBase):
    """A row of the schema `payment`."""

    metadata = schema_metadata("payment")
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        int: BigInteger,
        UUID: Uuid,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


MESSAGING = messaging_tables(Row.metadata)
IDEMPOTENCY_KEYS = idempotency_table(Row.metadata)
