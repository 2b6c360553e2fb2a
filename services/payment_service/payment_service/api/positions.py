"""Where a page of invoices ends, as a cursor carries it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from common_service.problems import BadCursor
from payment_service.domain.invoice import Invoice

_KIND = "invoices"


def position_behind(invoice: Invoice) -> dict[str, Any]:
    """Return the position of the last invoice of a page."""
    return {"of": _KIND, "at": invoice.reading.created_at.isoformat(), "id": str(invoice.id)}


def position(cursor: dict[str, Any] | None) -> tuple[datetime, UUID] | None:
    """Read a position. Raises BadCursor for the cursor of another list."""
    if cursor is None:
        return None
    if cursor.get("of") != _KIND:
        raise BadCursor("The cursor is not one of this list.")
    return datetime.fromisoformat(cursor["at"]), UUID(cursor["id"])
