"""Billing periods: counted from the anchor, so that one begun on a 31st comes back to the 31st after February."""

import calendar
from datetime import UTC, datetime, timedelta

from sandbox.stripe.errors import JsonObject

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def period_end(anchor: int, start: int, recurring: JsonObject) -> int:
    """The first boundary after `start` that lies a whole number of intervals from the anchor."""
    count = 1
    while (boundary := _boundary(anchor, count, recurring)) <= start:
        count += 1
    return boundary


def _boundary(anchor: int, count: int, recurring: JsonObject) -> int:
    interval, steps = recurring["interval"], count * recurring["interval_count"]
    begun = datetime.fromtimestamp(anchor, UTC)
    if interval in _DAYS:
        return int((begun + timedelta(days=steps * _DAYS[interval])).timestamp())
    years, month = divmod(begun.month - 1 + steps * _MONTHS[interval], 12)
    year = begun.year + years
    day = min(begun.day, calendar.monthrange(year, month + 1)[1])
    return int(begun.replace(year=year, month=month + 1, day=day).timestamp())
