"""The base of the rows of the schema `story`."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase

from common_service.tables import schema_metadata


class Row(DeclarativeBase):
    """Types of columns by annotation; every number of money or usage is a bigint."""

    metadata = schema_metadata("story")
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        int: BigInteger,
        bytes: LargeBinary,
        UUID: Uuid,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(none_as_null=True),  # nothing is NULL, not the JSON word null
        list[str]: ARRAY(Text),
    }
