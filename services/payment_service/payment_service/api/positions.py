"""Where a page ends that goes by moment and name, as a cursor of that very list carries it."""

from datetime import datetime
from uuid import UUID

from common_service.pagination import Cursors


def cursor_behind(cursors: Cursors, of: str, at: datetime, name: object) -> str:
    """Return the cursor behind the last item of a page."""
    return cursors.make({"at": at.isoformat(), "id": str(name)}, of=of)


def named_place(cursors: Cursors, of: str, cursor: str | None) -> tuple[datetime, str] | None:
    """Read a cursor, None for none. Raises BadCursor, also for the cursor of another list."""
    place = cursors.read(cursor, of=of)
    return None if place is None else (datetime.fromisoformat(place["at"]), str(place["id"]))


def place(cursors: Cursors, of: str, cursor: str | None) -> tuple[datetime, UUID] | None:
    """Read the cursor of a list whose items have ids of ours. Raises BadCursor."""
    found = named_place(cursors, of, cursor)
    return None if found is None else (found[0], UUID(found[1]))
