"""The queue of customers to bring up to date: the row is the queue, the fence keeps an old run from writing.

A new webhook and its request are one statement (`webhook_inbox.py`), which waits for this row. So whatever a claim
sees as received is answered by its run, and whatever comes later asks for another run.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.application.sync_ports import MOST_ATTEMPTS, ClaimedSync
from payment_service.domain.access import Cause, CauseType
from payment_service.domain.ids import CustomerId
from payment_service.domain.reversal import ReversalKind
from payment_service.infrastructure.base import PROVIDER
from payment_service.infrastructure.billing_rows import CheckoutRow, CustomerRow, SubscriptionRow
from payment_service.infrastructure.webhook_rows import UNANSWERED, SyncRow, WebhookRow, due_again

_VISIT = timedelta(minutes=10)
"""So long somebody may take to pay before we ask whether they have."""
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
            .where(UNANSWERED, SyncRow.due_at <= now, free)
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
                SyncRow.lookup,
            )
        )
        row = claimed.first()
        if row is None:
            return None
        customer_id, fence, target, attempts, cause_type, cause_id, lookup = row
        await self._mark(customer_id, {"state": "processing", "attempts": WebhookRow.attempts + 1})
        return ClaimedSync(
            customer_id=CustomerId(customer_id),
            fence=fence,
            target=target,
            attempts=attempts,
            cause=Cause(cast("CauseType", cause_type), cause_id),
            open_checkout=None if lookup else await self._open_checkout(customer_id),
            lookup=cast("ReversalKind | None", lookup),
        )

    async def hold(self, sync: ClaimedSync) -> bool:
        """Lock the claim for this transaction; False when somebody else has taken it over."""
        mine = select(SyncRow.fence).where(*_is(sync)).with_for_update()
        return await self._session.scalar(mine) is not None

    async def renew(self, sync: ClaimedSync, lease_until: datetime) -> bool:
        """Let the claim stand until then; False when it has ended, or somebody else has taken it over."""
        standing = update(SyncRow).where(*_is(sync), SyncRow.lease_until.is_not(None)).values(lease_until=lease_until)
        return (await self._session.execute(standing.returning(SyncRow.fence))).first() is not None

    async def finish(self, sync: ClaimedSync, now: datetime) -> None:
        """Note that requests up to the target are answered, and their webhooks processed; later ones wait from now on.

        Kept, the old moment would put whoever has new work before all who have waited since.
        """
        done = {"answered": sync.target, "attempts": 0, "lease_until": None, "last_error": None, "finished_at": now}
        done["due_at"] = now
        await self._session.execute(update(SyncRow).where(*_is(sync)).values(**done))
        await self._mark(
            sync.customer_id, {"state": "processed", "processed_at": now, "last_error": None}, "processing", "dead"
        )

    async def fail(self, sync: ClaimedSync, reason: str, retry_at: datetime) -> None:
        """Note why it did not work, and when to try again."""
        one_left = func.least(SyncRow.attempts, MOST_ATTEMPTS - 1)
        later = {"due_at": retry_at, "lease_until": None, "last_error": reason, "attempts": one_left}
        await self._session.execute(update(SyncRow).where(*_is(sync)).values(**later))
        await self._mark(sync.customer_id, {"state": "failed", "last_error": reason}, "processing")

    async def wake(self, reason: str, now: datetime) -> int:
        """Make them due; whom somebody else holds this moment is being cared for."""
        waiting = (SyncRow.requests > SyncRow.answered) & (SyncRow.dead | (SyncRow.due_at > now))
        put_off = (
            select(SyncRow.provider_customer_id)
            .where(SyncRow.provider == PROVIDER, SyncRow.last_error == reason, SyncRow.lease_until.is_(None), waiting)
            .with_for_update(skip_locked=True)
        )
        woken = update(SyncRow).where(SyncRow.provider == PROVIDER, SyncRow.provider_customer_id.in_(put_off))
        fresh = woken.values(due_at=now, attempts=0, dead=False).returning(SyncRow.provider_customer_id)
        return len((await self._session.execute(fresh)).all())

    async def bury(self, sync: ClaimedSync, reason: str) -> list[tuple[str, str]]:
        """Give up until somebody asks anew; return the id and type of the events that die with it."""
        over = {"dead": True, "lease_until": None, "last_error": reason}
        await self._session.execute(update(SyncRow).where(*_is(sync)).values(**over))
        return await self._mark(sync.customer_id, {"state": "dead", "last_error": reason})

    async def hand_over(self, sync: ClaimedSync, customer_id: CustomerId | None, now: datetime) -> None:
        """Let a found customer, who has been asked for, answer its webhooks; without one they are ignored."""
        if customer_id is None:
            nobody: dict[str, object] = {"state": "ignored", "reason": "no customer", "last_error": None}
            await self._mark(sync.customer_id, nobody, "processing", "dead")
        else:
            theirs: dict[str, object] = {"state": "received", "provider_customer_id": customer_id}
            await self._mark(sync.customer_id, theirs, "processing", "dead")
        await self.finish(sync, now)

    async def request(self, customer_ids: Sequence[CustomerId], cause: Cause, now: datetime) -> int:
        """Ask for syncs, but for customers whose sync waits already; return how many were asked for."""
        return await self.ask(customer_ids, cause, now, unless=UNANSWERED & SyncRow.lease_until.is_(None))

    async def ask(
        self,
        customer_ids: Sequence[CustomerId],
        cause: Cause,
        now: datetime,
        *,
        unless: ColumnElement[bool] | None = None,
    ) -> int:
        """Ask for syncs of these, of each but where `unless` holds; return how many were asked for.

        Whoever waits keeps their place. Attempts stay: what was given up gets one more each time, until somebody other
        than the clock asks.
        """
        if not customer_ids:
            return 0
        row = {"provider": PROVIDER, "cause_type": cause.type, "cause_id": cause.id, "due_at": now}
        rows = [row | {"provider_customer_id": name} for name in sorted(set(customer_ids))]
        fresh = insert(SyncRow).values(rows)
        asked = fresh.on_conflict_do_update(
            index_elements=["provider", "provider_customer_id"],
            set_={
                "requests": SyncRow.requests + 1,
                "cause_type": fresh.excluded.cause_type,
                "cause_id": fresh.excluded.cause_id,
                "due_at": due_again(now),
                "attempts": case(
                    (SyncRow.dead, func.least(SyncRow.attempts, MOST_ATTEMPTS - 1)), else_=SyncRow.attempts
                ),
                "last_error": None,
                "dead": False,
            },
            where=None if unless is None else ~unless,
        )
        return len((await self._session.execute(asked.returning(SyncRow.provider_customer_id))).all())

    async def waiting(self, cause: Cause) -> int:
        """Return how many syncs of this cause have not been tried yet."""
        untried = select(func.count()).where(
            UNANSWERED,
            SyncRow.cause_type == cause.type,
            SyncRow.cause_id == cause.id,
            SyncRow.last_error.is_(None),
        )
        return await self._session.scalar(untried) or 0

    async def pending(self, now: datetime, after: CustomerId | None, limit: int) -> list[CustomerId]:
        """Return customers who wait for something that a lost webhook may have told, by name behind `after`."""
        waits = SubscriptionRow.provider_status.in_(["incomplete", "past_due", "unpaid", "unknown"])
        overdue = SubscriptionRow.provider_status.in_(["trialing", "active"]) & (
            SubscriptionRow.current_period_end <= now
        )
        unsettled = select(SubscriptionRow.user_id).where(waits | overdue)
        visiting = select(CheckoutRow.user_id).where(
            CheckoutRow.state == "open", CheckoutRow.created_at <= now - _VISIT
        )
        given_up = select(SyncRow.provider_customer_id).where(SyncRow.dead, SyncRow.lookup.is_(None))
        page = (
            select(CustomerRow.provider_customer_id)
            .where(CustomerRow.provider == PROVIDER, CustomerRow.deleted_at.is_(None))
            .where(
                CustomerRow.user_id.in_(unsettled)
                | CustomerRow.user_id.in_(visiting)
                | CustomerRow.provider_customer_id.in_(given_up)
            )
            .order_by(CustomerRow.provider_customer_id)
            .limit(limit)
        )
        if after is not None:
            page = page.where(CustomerRow.provider_customer_id > after)
        return [CustomerId(name) for name in await self._session.scalars(page)]

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
