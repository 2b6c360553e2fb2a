"""The webhook inbox as an admin looks at it and sends what is in it around once more."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import collate, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from payment_service.application.sync_ports import InboxSearch, KeptWebhook, WebhookState
from payment_service.domain.ids import CustomerId
from payment_service.infrastructure.base import PROVIDER
from payment_service.infrastructure.webhook_rows import SyncRow, WebhookRow, due_again

_SHOWN = (
    WebhookRow.type,
    WebhookRow.api_version,
    WebhookRow.livemode,
    WebhookRow.object_id,
    WebhookRow.provider_customer_id,
    WebhookRow.state,
    WebhookRow.reason,
    WebhookRow.last_error,
    WebhookRow.attempts,
    WebhookRow.deliveries,
    WebhookRow.received_at,
    WebhookRow.processed_at,
    WebhookRow.replayed_by,
)


class SqlWebhooks:
    """The inbox as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, wanted: InboxSearch, limit: int, before: tuple[datetime, str] | None) -> list[KeptWebhook]:
        """Return webhooks, youngest first, behind a position."""
        page = select(WebhookRow).options(load_only(*_SHOWN)).where(WebhookRow.provider == PROVIDER)
        if wanted.state is not None:
            page = page.where(WebhookRow.state == wanted.state)
        if wanted.customer_id is not None:
            page = page.where(WebhookRow.provider_customer_id == wanted.customer_id)
        if before is not None:
            position = tuple_(literal(before[0]), literal(before[1]))
            page = page.where(tuple_(WebhookRow.received_at, WebhookRow.event_id) < position)
        ordered = page.order_by(WebhookRow.received_at.desc(), WebhookRow.event_id.desc()).limit(limit)
        return [_kept(row) for row in await self._session.scalars(ordered)]

    async def replay(self, event_ids: Sequence[str], actor: UUID, now: datetime) -> list[str]:
        """Take these in anew, in any state, and ask for their syncs; return those that exist.

        What names nobody, or comes from elsewhere, is ignored again: it was kept for its reason, not by mistake. The
        rows of the queue are locked before those of the inbox, as by a sync, and in the order of their names.
        """
        named = (WebhookRow.provider == PROVIDER) & WebhookRow.event_id.in_(event_ids)
        ours = WebhookRow.provider_customer_id.is_not(None) & WebhookRow.reason.is_distinct_from("other livemode")
        ours &= WebhookRow.reason.is_distinct_from("other account")
        takers = await self._session.execute(
            select(WebhookRow.provider_customer_id, WebhookRow.event_id).where(named, ours)
        )
        asked = {sync_key: event_id for sync_key, event_id in takers if sync_key is not None}
        for sync_key, event_id in sorted(asked.items()):
            await self._ask(sync_key, event_id, now)
        in_order = select(WebhookRow.event_id).where(named).order_by(collate(WebhookRow.event_id, "C"))
        found = list(await self._session.scalars(in_order.with_for_update()))
        await self._session.execute(update(WebhookRow).where(named).values(replayed_by=actor))
        await self._session.execute(
            update(WebhookRow)
            .where(named, ours)
            .values(state="received", attempts=0, last_error=None, processed_at=None)
        )
        return found

    async def in_state(self, state: WebhookState, limit: int) -> list[str]:
        """Return the ids of the oldest in a state."""
        oldest = (
            select(WebhookRow.event_id)
            .where(WebhookRow.provider == PROVIDER, WebhookRow.state == state)
            .order_by(WebhookRow.received_at, WebhookRow.event_id)
            .limit(limit)
        )
        return list(await self._session.scalars(oldest))

    async def _ask(self, sync_key: str, event_id: str, now: datetime) -> None:
        """Ask for a sync; the row of an object that has to be looked up is there already, and says so."""
        fresh = insert(SyncRow).values(
            provider=PROVIDER,
            provider_customer_id=sync_key,
            cause_type="webhook",
            cause_id=event_id,
            due_at=now,
        )
        await self._session.execute(
            fresh.on_conflict_do_update(
                index_elements=["provider", "provider_customer_id"],
                set_={
                    "requests": SyncRow.requests + 1,
                    "cause_type": "webhook",
                    "cause_id": event_id,
                    "due_at": due_again(now),
                    "attempts": 0,
                    "dead": False,
                    "last_error": None,
                },
            )
        )


def _kept(row: WebhookRow) -> KeptWebhook:
    return KeptWebhook(
        event_id=row.event_id,
        type=row.type,
        api_version=row.api_version,
        livemode=row.livemode,
        object_id=row.object_id,
        customer_id=CustomerId(row.provider_customer_id) if row.provider_customer_id else None,
        state=cast("WebhookState", row.state),
        reason=row.reason,
        last_error=row.last_error,
        attempts=row.attempts,
        deliveries=row.deliveries,
        received_at=row.received_at,
        processed_at=row.processed_at,
        replayed_by=row.replayed_by,
    )
