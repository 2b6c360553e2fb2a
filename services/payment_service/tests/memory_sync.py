"""Webhooks, customer syncs, refunds, disputes and runs in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from payment_service.application.sync_ports import (
    MOST_ATTEMPTS,
    ClaimedSync,
    InboxSearch,
    KeptWebhook,
    Run,
    WebhookState,
)
from payment_service.domain.access import Cause
from payment_service.domain.drift import Drift
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.reversal import Reversal
from services.payment_service.tests.kept import Kept, Sync, Table, Webhook

_VISIT = timedelta(minutes=10)


def ask(kept: Kept, sync_key: str, cause: Cause, now: datetime) -> Sync:
    sync = kept.syncs.get(sync_key)
    if sync is None:
        return kept.syncs.setdefault(sync_key, Sync(now, cause))
    waits = sync.requests > sync.answered and not sync.is_dead
    sync.due_at = min(sync.due_at, now) if waits else now
    sync.requests, sync.cause, sync.last_error = sync.requests + 1, cause, None
    return sync


class Syncs(Table):
    async def claim(self, now: datetime, lease: timedelta) -> ClaimedSync | None:
        for name, sync in sorted(self.kept.syncs.items(), key=lambda item: item[1].due_at):
            is_free = sync.lease_until is None or sync.lease_until <= now
            if sync.requests > sync.answered and not sync.is_dead and sync.due_at <= now and is_free:
                sync.fence, sync.attempts, sync.lease_until = sync.fence + 1, sync.attempts + 1, now + lease
                self._mark(name, {"received", "processing", "failed"}, "processing", None)
                return ClaimedSync(
                    CustomerId(name), sync.fence, sync.requests, sync.attempts, sync.cause,
                    self._open_checkout(CustomerId(name)), sync.lookup,
                )  # fmt: skip
        return None

    async def hold(self, sync: ClaimedSync) -> bool:
        return self.kept.syncs[sync.customer_id].fence == sync.fence

    async def renew(self, sync: ClaimedSync, lease_until: datetime) -> bool:
        row = self.kept.syncs[sync.customer_id]
        if row.fence != sync.fence or row.lease_until is None:
            return False
        row.lease_until = lease_until
        return True

    async def finish(self, sync: ClaimedSync, now: datetime) -> None:
        row = self.kept.syncs[sync.customer_id]
        row.due_at = now
        row.answered, row.attempts, row.lease_until, row.last_error = sync.target, 0, None, None
        self._mark(sync.customer_id, {"processing", "dead"}, "processed", None)

    async def fail(self, sync: ClaimedSync, reason: str, retry_at: datetime) -> None:
        row = self.kept.syncs[sync.customer_id]
        row.due_at, row.lease_until, row.last_error = retry_at, None, reason
        row.attempts = min(row.attempts, MOST_ATTEMPTS - 1)
        self._mark(sync.customer_id, {"processing"}, "failed", reason)

    async def wake(self, reason: str, now: datetime) -> int:
        woken = [
            row for row in self.kept.syncs.values()
            if row.last_error == reason and row.requests > row.answered and row.lease_until is None
            and (row.is_dead or row.due_at > now)
        ]  # fmt: skip
        for row in woken:
            row.due_at, row.attempts, row.is_dead = now, 0, False
        return len(woken)

    async def bury(self, sync: ClaimedSync, reason: str) -> list[tuple[str, str]]:
        row = self.kept.syncs[sync.customer_id]
        row.is_dead, row.lease_until, row.last_error = True, None, reason
        return self._mark(sync.customer_id, {"received", "processing", "failed"}, "dead", reason)

    async def hand_over(self, sync: ClaimedSync, customer_id: CustomerId | None, now: datetime) -> None:
        for webhook in self._theirs(sync.customer_id, {"processing", "dead"}):
            if customer_id is None:
                webhook.state, webhook.event = "ignored", replace(webhook.event, reason="no customer")
            else:
                webhook.state, webhook.event = "received", replace(webhook.event, sync_key=customer_id)
        await self.finish(sync, now)

    async def ask(self, customer_ids: Sequence[CustomerId], cause: Cause, now: datetime) -> int:
        for name in customer_ids:
            self._ask(name, cause, now)
        return len(customer_ids)

    async def request(self, customer_ids: Sequence[CustomerId], cause: Cause, now: datetime) -> int:
        asked = 0
        for name in sorted(set(customer_ids)):
            row = self.kept.syncs.get(name)
            if row is None or row.requests == row.answered or row.is_dead or row.lease_until is not None:
                self._ask(name, cause, now)
                asked += 1
        return asked

    async def waiting(self, cause: Cause) -> int:
        return sum(
            row.requests > row.answered and not row.is_dead and row.cause == cause and row.last_error is None
            for row in self.kept.syncs.values()
        )

    async def pending(self, now: datetime, after: CustomerId | None, limit: int) -> list[CustomerId]:
        unsettled = {
            each.user_id for each in self.kept.subscriptions.values()
            if each.terms.status in {"incomplete", "past_due", "unpaid", "unknown"}
            or (each.terms.status in {"trialing", "active"} and each.terms.period_end and each.terms.period_end <= now)
        }  # fmt: skip
        unsettled |= {
            each.user_id for each in self.kept.checkouts.values()
            if each.state == "open" and each.created_at <= now - _VISIT
        }  # fmt: skip
        given_up = {name for name, row in self.kept.syncs.items() if row.is_dead}
        found = [
            each.id for each in self.kept.customers.values()
            if each.deleted_at is None and (each.user_id in unsettled or each.id in given_up)
        ]  # fmt: skip
        return sorted(name for name in found if after is None or name > after)[:limit]

    def _ask(self, name: str, cause: Cause, now: datetime) -> None:
        sync = ask(self.kept, name, cause, now)
        if sync.is_dead:
            sync.is_dead, sync.attempts = False, min(sync.attempts, MOST_ATTEMPTS - 1)

    def _mark(
        self, customer_id: str, states: set[str], state: WebhookState, reason: str | None
    ) -> list[tuple[str, str]]:
        marked = self._theirs(customer_id, states)
        for webhook in marked:
            webhook.state, webhook.last_error = state, reason
        return [(webhook.event.id, webhook.event.type) for webhook in marked]

    def _theirs(self, customer_id: str, states: set[str]) -> list[Webhook]:
        kept = self.kept.webhooks.values()
        return [each for each in kept if each.event.sync_key == customer_id and each.state in states]

    def _open_checkout(self, customer_id: CustomerId) -> str | None:
        owner = next((each.user_id for each in self.kept.customers.values() if each.id == customer_id), None)
        mine = (each for each in self.kept.checkouts.values() if each.user_id == owner and each.state == "open")
        return next((each.provider_id for each in mine), None)


class Reversals(Table):
    async def of(self, user_id: UserId) -> list[Reversal]:
        return [each for each in self.kept.reversals.values() if each.user_id == user_id]

    async def named(self, provider_ids: Sequence[str]) -> list[Reversal]:
        return [each for each in self.kept.reversals.values() if each.reading.provider_id in provider_ids]

    async def put_all(self, reversals: Sequence[Reversal]) -> None:
        self.kept.reversals |= {each.id: each for each in reversals}


class Webhooks(Table):
    async def page(self, wanted: InboxSearch, limit: int, before: tuple[datetime, str] | None) -> list[KeptWebhook]:
        found = [
            self._kept(each) for each in self.kept.webhooks.values()
            if wanted.state in {None, each.state} and wanted.customer_id in {None, each.event.sync_key}
        ]  # fmt: skip
        ordered = sorted(found, key=lambda each: (each.received_at, each.event_id), reverse=True)
        return [each for each in ordered if before is None or (each.received_at, each.event_id) < before][:limit]

    async def replay(self, event_ids: Sequence[str], actor: UUID, now: datetime) -> list[str]:
        found = [self.kept.webhooks[name] for name in event_ids if name in self.kept.webhooks]
        for webhook in found:
            webhook.replayed_by, event = actor, webhook.event
            if event.sync_key and event.reason not in {"other livemode", "other account"}:
                webhook.state = "received"
                sync = ask(self.kept, event.sync_key, Cause("webhook", event.id), now)
                sync.is_dead, sync.attempts = False, 0
        return [each.event.id for each in found]

    async def in_state(self, state: WebhookState, limit: int) -> list[str]:
        found = (each for each in self.kept.webhooks.values() if each.state == state)
        ordered = sorted(found, key=lambda each: (each.received_at, each.event.id))
        return [each.event.id for each in ordered][:limit]

    def _kept(self, webhook: Webhook) -> KeptWebhook:
        event = webhook.event
        return KeptWebhook(
            event.id, event.type, event.api_version, event.livemode, event.object_id,
            CustomerId(event.sync_key) if event.sync_key else None, webhook.state, event.reason, webhook.last_error,
            0, webhook.deliveries, webhook.received_at, None, webhook.replayed_by,
        )  # fmt: skip


class Runs(Table):
    async def get(self, run_id: UUID) -> Run | None:
        return self.kept.runs.get(run_id)

    async def add(self, run: Run) -> None:
        self.kept.runs[run.id] = run

    async def add_if_due(self, run: Run, every: timedelta) -> bool:
        begun = [each.started_at for each in self.kept.runs.values() if each.scope == run.scope]
        if any(at > run.started_at - every for at in begun):
            return False
        await self.add(run)
        return True

    async def claim(self, now: datetime, lease: timedelta, run_id: UUID | None = None) -> Run | None:
        for run in sorted(self.kept.runs.values(), key=lambda each: each.started_at):
            free = self.kept.leases.get(run.id, now) <= now
            if run.finished_at is None and free and run_id in {None, run.id}:
                self.kept.leases[run.id] = now + lease
                self.kept.runs[run.id] = replace(run, fence=run.fence + 1, checked=0)
                return self.kept.runs[run.id]
        return None

    async def advance(self, run: Run, checked: int, lease_until: datetime) -> bool:
        standing = self.kept.runs[run.id]
        if standing.fence != run.fence or standing.finished_at is not None:
            return False
        self.kept.leases[run.id] = lease_until
        self.kept.runs[run.id] = replace(standing, checked=standing.checked + checked)
        return True

    async def finish(self, run: Run, now: datetime) -> None:
        self.kept.runs[run.id] = replace(self.kept.runs[run.id], finished_at=now)

    async def found(self, run_id: UUID, who: str, drifts: Sequence[Drift], *, healed: bool) -> None:
        run = self.kept.runs[run_id]
        entries: list[dict[str, object]] = [{"who": who, **drift.document(), "healed": healed} for drift in drifts]
        self.kept.runs[run_id] = replace(
            run, drifted=run.drifted + 1, healed=run.healed + healed, details=(*run.details, *entries)
        )
