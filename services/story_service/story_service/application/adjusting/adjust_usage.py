"""Gives back, as a goodwill, what a reader was charged in a window that still counts."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from story_service.application.attempts import AttemptKey
from story_service.application.cases.ports import Document, StartCaseWork
from story_service.application.ports import Clock, Subscriptions
from story_service.domain import ledger
from story_service.domain.errors import MeterUnknown, MoreThanSettled
from story_service.domain.ids import UserId
from story_service.domain.usage import WINDOWED, window_of

_ROUTE, _CREATED = "POST /internal/v1/ledger/{id}/adjustments", 201


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What an admin wants given back to whom, and why: the reader can read it."""

    user_id: UserId
    meter: str
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class AdjustUsage:
    """One transaction: the window, the chain, and the answer under the admin's key."""

    start_work: StartCaseWork
    subscriptions: Subscriptions
    now: Clock

    async def __call__(
        self, actor: UUID, wish: Adjustment, key: AttemptKey, show: Callable[[ledger.LedgerEntry], Document]
    ) -> tuple[Document, bool]:
        """Return the entry as it is shown, and whether it was made before. Raises MeterUnknown, MoreThanSettled."""
        access, now = await self.subscriptions.access(wish.user_id), self.now()
        limit = access.limits.get(wish.meter)
        if limit is None or limit.window not in WINDOWED:
            raise MeterUnknown
        window = window_of(limit.window, access, now)
        async with self.start_work() as work:
            if kept := await work.answers.claim(str(actor), _ROUTE, key, now):
                return kept, True
            head = await work.usage.lock(wish.user_id)
            after = await work.usage.refund(wish.user_id, wish.meter, window, wish.amount)
            if after is None:
                held = await work.usage.holding(wish.user_id, wish.meter, window)
                raise MoreThanSettled(wish.meter, held.settled)
            posting = ledger.Posting(wish.meter, ledger.ADJUST, wish.amount, after.reserved, after.settled)
            entry, head = ledger.adjusted(head, wish.user_id, posting, wish.reason, now)
            await work.usage.post(wish.user_id, [entry], head)
            document = show(entry)
            await work.answers.keep(str(actor), _ROUTE, key, _CREATED, document)
            await work.commit()
        return document, False
