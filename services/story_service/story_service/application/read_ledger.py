"""The chain of a reader's usage: to read, and to check from its first entry."""

from dataclasses import dataclass

from story_service.application.ports import StartWork
from story_service.domain.ids import UserId
from story_service.domain.ledger import Audit, Head, LedgerEntry, audit


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Entries, the newest first, and where the chain ends now."""

    entries: list[LedgerEntry]
    head: Head


@dataclass(frozen=True, slots=True)
class ReadLedger:
    """Reads chains. A check locks, which a work that only reads refuses."""

    start_reading: StartWork
    start_work: StartWork

    async def page(self, user_id: UserId, *, before: int | None, most: int) -> LedgerPage:
        """Return a part of the chain."""
        async with self.start_reading() as work:
            entries = await work.usage.page(user_id, before=before, most=most)
            return LedgerPage(entries, await work.usage.head(user_id))

    async def verify(self, user_id: UserId) -> Audit:
        """Check the whole chain and its sums, while nobody else may add to it. Nothing is written."""
        async with self.start_work() as work:
            head = await work.usage.lock(user_id)
            return audit(await work.usage.entries(user_id), head, await work.usage.balances(user_id))
