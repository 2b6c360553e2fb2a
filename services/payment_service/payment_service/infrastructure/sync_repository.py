"""The queue of customers to bring up to date: the row is the queue, the fence keeps an old run from writing.

A new webhook and its request are one statement (`webhook_inbox.py`), which waits for this row. So whatever a claim
sees as received is answered by its run, and whatever comes later asks for another run.
"""

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.application.ports import ClaimedSync
from payment_service.domain.access import Cause, CauseType
from payment_service.domain.ids import CustomerId
from payment_service.infrastructure.base import PROVIDER
from payment_service.infrastructure.billing_rows import CheckoutRow, CustomerRow
from payment_service.infrastructure.webhook_rows import SyncRow, WebhookRow

_UNPROCESSED = ("received", "processing", "failed")


class SqlSyncs:
    """The queue as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, now: datetime, lease: timedelta) -> ClaimedSync | None:
        """Take the next customer that is due and that nobody holds; its new webhooks are being processed."""
        free = SyncRow.lease_until.is_(None) | (SyncRow.lease_until <= now)
        due = (
            select(SyncRow.provider_customer_id)
            .where(SyncRow.requests > SyncRow.answered, ~SyncRow.dead, SyncRow.due_at <= now, free)
            .order_by(SyncRow.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        claimed = await self._session.execute(
            update(SyncRow)
            .where(SyncRow.provider == PROVIDER, SyncRow.provider_customer_id == due.scalar_subquery())
            .values(fence=SyncRow.fence + 1, attempts=SyncRow.attempts + 1, lease_until=now + lease)
            .returning(
                SyncRow.provider_customer_id,
                SyncRow.fence,
                SyncRow.requests,
                SyncRow.attempts,
                SyncRow.cause_type,
                SyncRow.cause_id,
            )
        )
        row = claimed.first()
        if row is None:
            return None
        customer_id, fence, target, attempts, cause_type, cause_id = row
        await self._mark(customer_id, {"state": "processing", "attempts": WebhookRow.attempts + 1})
        return ClaimedSync(
            customer_id=CustomerId(customer_id),
            fence=fence,
            target=target,
            attempts=attempts,
            cause=Cause(cast("CauseType", cause_type), cause_id),
            open_checkout=await self._open_checkout(customer_id),
        )

    async def hold(self, sync: ClaimedSync) -> bool:
        """Lock the claim for this transaction; False when somebody else has taken it over."""
        mine = select(SyncRow.fence).where(*_is(sync)).with_for_update()
        return await self._session.scalar(mine) is not None

    async def finish(self, sync: ClaimedSync, now: datetime) -> None:
        """Note that requests up to the target are answered, and their webhooks processed."""
        done = {"answered": sync.target, "attempts": 0, "lease_until": None, "last_error": None, "finished_at": now}
        await self._session.execute(update(SyncRow).where(*_is(sync)).values(**done))
        await self._mark(
            sync.customer_id, {"state": "processed", "processed_at": now, "last_error": None}, "processing"
        )

    async def fail(self, sync: ClaimedSync, reason: str, retry_at: datetime) -> None:
        """Note why it did not work, and when to try again."""
        later = {"due_at": retry_at, "lease_until": None, "last_error": reason}
        await self._session.execute(update(SyncRow).where(*_is(sync)).values(**later))
        await self._mark(sync.customer_id, {"state": "failed", "last_error": reason}, "processing")

    async def bury(self, sync: ClaimedSync, reason: str) -> list[tuple[str, str]]:
        """Give up until somebody asks anew; return the id and type of the events that die with it."""
        over = {"dead": True, "lease_until": None, "last_error": reason}
        await self._session.execute(update(SyncRow).where(*_is(sync)).values(**over))
        return await self._mark(sync.customer_id, {"state": "dead", "last_error": reason})

    async def _mark(self, customer_id: str, values: dict[str, object], *states: str) -> list[tuple[str, str]]:
        theirs = (
            WebhookRow.provider == PROVIDER,
            WebhookRow.provider_customer_id == customer_id,
            WebhookRow.state.in_(states or _UNPROCESSED),
        )
        marked = await self._session.execute(
            update(WebhookRow).where(*theirs).values(**values).returning(WebhookRow.event_id, WebhookRow.type)
        )
        return [(event_id, kind) for event_id, kind in marked]

    async def _open_checkout(self, customer_id: str) -> str | None:
        theirs = (
            select(CheckoutRow.provider_session_id)
            .join(CustomerRow, CustomerRow.user_id == CheckoutRow.user_id)
            .where(CustomerRow.provider == PROVIDER, CustomerRow.provider_customer_id == customer_id)
            .where(CheckoutRow.state == "open")
        )
        return await self._session.scalar(theirs)


def _is(sync: ClaimedSync) -> tuple[ColumnElement[bool], ...]:
    named = SyncRow.provider_customer_id == sync.customer_id
    return SyncRow.provider == PROVIDER, named, SyncRow.fence == sync.fence
