"""On which days of a grace people are reminded."""

from datetime import datetime, timedelta

NOTICE_DAYS = (0, 3, 6)


def day_due(past_due_since: datetime, grace_until: datetime, now: datetime) -> int | None:
    """Return the latest day whose notice is due, None before the first one and once the grace is over."""
    if not past_due_since <= now < grace_until:
        return None
    return max(day for day in NOTICE_DAYS if past_due_since + timedelta(days=day) <= now)
