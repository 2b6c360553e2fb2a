"""How values stand in documents that leave the house: events, snapshots, stored answers."""

from datetime import datetime


def rfc3339(moment: datetime | None) -> str | None:
    """Return an instant as RFC 3339 in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
