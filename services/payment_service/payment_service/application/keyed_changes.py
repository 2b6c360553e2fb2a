"""A change that an admin asks for under a key: made once, and answered the same when it is asked for again."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from payment_service.application.ports import Attempt, StartWork, StoredAnswer, Work

_LOCK_FOR = timedelta(seconds=30)
Made = tuple[Mapping[str, Any], UUID]
"""What is answered, and the id of what was made."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept, and whether this call did it or one before under the same key."""

    answer: StoredAnswer
    is_replay: bool


async def once(start_work: StartWork, attempt: Attempt, now: datetime, make: Callable[[Work], Awaitable[Made]]) -> Kept:
    """Make it and keep the answer under the key, in one transaction. Raises what is raised for a reused key too."""
    async with start_work() as work:
        if known := await work.attempts.claim(attempt, now, _LOCK_FOR):
            return Kept(known, is_replay=True)
        document, made_id = await make(work)
        answer = StoredAnswer(document)
        await work.attempts.complete(attempt, answer, made_id)
        await work.commit()
    return Kept(answer, is_replay=False)
