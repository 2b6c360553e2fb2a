"""Work that is done for many people in turn: whoever it fails for rests for a while, and holds up nobody."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from payment_service.application.ports import Clock
from payment_service.domain.ids import UserId

log = logging.getLogger("payment")
BATCH = 100
_FIRST_REST, _LONGEST_REST = timedelta(seconds=1), timedelta(minutes=5)


class OneByOne:
    """Remembers for whom it failed: they rest for a second, then for twice as long each time, up to five minutes."""

    def __init__(self) -> None:
        self._failed: dict[UserId, tuple[timedelta, datetime]] = {}

    def resting(self, now: datetime) -> list[UserId]:
        """Return whom to leave out of the next batch."""
        return [user_id for user_id, (_, until) in self._failed.items() if now < until]

    async def batch(self, user_ids: Sequence[UserId], do: Callable[[UserId], Awaitable[object]], now: Clock) -> bool:
        """Do it for each of a batch; tell whether there may be more."""
        for user_id in user_ids:
            await self(user_id, partial(do, user_id), now())
        return len(user_ids) == BATCH

    async def __call__(self, user_id: UserId, do: Callable[[], Awaitable[object]], now: datetime) -> None:
        """Do it for one person. What it raises is logged."""
        try:
            await do()
        except Exception:  # a supervising loop: one person for whom it always fails must not hold up the others
            rest, _ = self._failed.get(user_id, (_FIRST_REST / 2, now))
            rest = min(rest * 2, _LONGEST_REST)
            self._failed[user_id] = rest, now + rest
            log.exception("put off", extra={"user_id": str(user_id), "seconds": rest.total_seconds()})
        else:
            self._failed.pop(user_id, None)
