"""Compares what we keep with the provider's own lists, page by page, and lets whoever differs be synced.

The comparison only finds customers; the customer sync, which converges, heals them and writes the report. So a run is
safe at any time: beside webhooks, beside another run, and again from its start when its runner died.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, get_args
from uuid import UUID

from payment_service.application.keyed_changes import Kept, Made, once
from payment_service.application.ports import Attempt, Clock, NewId, StartWork, Work
from payment_service.application.sync_ports import Ledger, Owned, Pages, Run, RunScope
from payment_service.domain.access import Cause
from payment_service.domain.errors import NoCustomer, RunNotFound
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.invoice import InvoiceReading
from payment_service.domain.plans import Catalogue
from payment_service.domain.reversal import ReversalKind, ReversalReading
from payment_service.domain.subscription import Subscription, SubscriptionReading

LEASE = timedelta(seconds=60)
RECENT = timedelta(days=60)
"""How far back invoices are compared one by one; a sync of their customer compares them all."""
_PAGE = 500
PENDING_EVERY, ALL_EVERY = timedelta(minutes=15), timedelta(days=1)
_SCHEDULE: tuple[tuple[RunScope, timedelta], ...] = (("pending", PENDING_EVERY), ("all", ALL_EVERY))
Progress = Callable[[int], None]
Found = TypeVar("Found")
Differing = Callable[[Sequence[Owned[Found]]], Awaitable[set[CustomerId]]]


class _Lost(Exception):
    """Somebody else has taken the run over."""


@dataclass(frozen=True, slots=True)
class RequestReconcile:
    """Asks for runs; a worker does them."""

    start_work: StartWork
    now: Clock
    new_id: NewId

    async def __call__(self, attempt: Attempt, user_id: UserId | None) -> Kept:
        """Ask for a comparison of one person or of everybody.

        Raises NoCustomer for somebody who never bought, and what is raised for a reused key.
        """
        return await once(self.start_work, attempt, self.now(), partial(self._keyed, attempt, user_id))

    async def by_hand(self, user_id: UserId | None) -> Run:
        """Ask for one without a key, as the command does. Raises NoCustomer too."""
        async with self.start_work() as work:
            run = await self._ask(work, user_id, None)
            await work.commit()
        return run

    async def _keyed(self, attempt: Attempt, user_id: UserId | None, work: Work) -> Made:
        run = await self._ask(work, user_id, attempt.user_id)
        return _record(run), run.id

    async def _ask(self, work: Work, user_id: UserId | None, requested_by: UUID | None) -> Run:
        if user_id is not None and await work.customers.of(user_id) is None:
            raise NoCustomer
        run = self._run("user" if user_id else "all", user_id, requested_by)
        await work.runs.add(run)
        return run

    async def read(self, run_id: UUID) -> Run:
        """Return a run as it stands. Raises RunNotFound."""
        async with self.start_work() as work:
            run = await work.runs.get(run_id)
        if run is None:
            raise RunNotFound
        return run

    async def scope(self, scope: RunScope) -> Run:
        """Ask for a run of pending customers, or of all."""
        run = self._run(scope, None, None)
        async with self.start_work() as work:
            await work.runs.add(run)
            await work.commit()
        return run

    async def due(self) -> bool:
        """Ask for the runs that are due: pending customers every 15 minutes, all once a day."""
        asked = False
        for scope, every in _SCHEDULE:
            async with self.start_work() as work:
                asked |= await work.runs.add_if_due(self._run(scope, None, None), every)
                await work.commit()
        return asked

    def _run(self, scope: RunScope, user_id: UserId | None, requested_by: UUID | None) -> Run:
        return Run(self.new_id(), scope, self.now(), user_id, requested_by)


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Does runs. Raises ProviderUnavailable, ProviderRefused; the run is then taken up again when its lease ends."""

    start_work: StartWork
    ledger: Ledger
    now: Clock

    async def claim(self, run_id: UUID | None = None) -> Run | None:
        """Take the next run that nobody does, or this one."""
        async with self.start_work() as work:
            run = await work.runs.claim(self.now(), LEASE, run_id)
            await work.commit()
        return run

    async def __call__(self, run: Run, progress: Progress = lambda _: None) -> bool:
        """Do a claimed run; False when it is no longer ours. `progress` is told how many things were compared."""
        try:
            await _Comparison(self, run, progress).everything()
        except _Lost:
            return False
        async with self.start_work() as work:
            await work.runs.finish(run, self.now())
            await work.commit()
        return True

    async def next(self) -> bool:
        """Do the next run, where there is one."""
        run = await self.claim()
        return run is not None and await self(run)

    async def waiting(self, run_id: UUID) -> int:
        """Return how many customers of a run have not been synced yet."""
        async with self.start_work() as work:
            return await work.syncs.waiting(Cause("reconcile", str(run_id)))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One run on its way through the lists."""

    use_case: Reconcile
    run: Run
    progress: Progress

    async def everything(self) -> None:
        match self.run.scope:
            case "user":
                await self._user()
            case "pending":
                await self._pending()
            case "all":
                await self._all()

    async def _user(self) -> None:
        async with self.use_case.start_work() as work:
            customer = await work.customers.of(self.run.user_id) if self.run.user_id else None
        await self._sync([customer.id] if customer else [], 1)

    async def _pending(self) -> None:
        after: CustomerId | None = None
        while True:
            async with self.use_case.start_work() as work:
                found = await work.syncs.pending(self.use_case.now(), after, _PAGE)
            await self._sync(found, len(found))
            if len(found) < _PAGE:
                return
            after = found[-1]

    async def _all(self) -> None:
        ledger = self.use_case.ledger
        await self._subscriptions()
        await self._each(ledger.invoice_pages(self.run.started_at - RECENT), self._differing_invoices)
        for kind in get_args(ReversalKind):
            await self._each(ledger.reversal_pages(kind), self._differing_reversals)

    async def _subscriptions(self) -> None:
        """Go through both lists from the youngest to the oldest: what the other side lacks differs too.

        Ours are taken between the ends of a page, so neither list is held whole. Those of a page's last second may go
        on in the next page; they are compared there.
        """
        high, edge = self.run.started_at, set[str]()
        async for page in self.use_case.ledger.subscription_pages():
            low = page[-1].created_at
            names = {each.reading.terms.provider_id for each in page}
            differing = await self._differing_subscriptions(page)
            differing |= await self._vanished(low, high, names | edge)
            await self._sync(sorted(differing), len(page))
            edge = {each.reading.terms.provider_id for each in page if each.created_at == low} | (
                edge if low == high else set()
            )
            high = min(low, high)
        await self._sync(sorted(await self._vanished(None, high, edge)), 0)

    async def _vanished(self, low: datetime | None, high: datetime, listed: set[str]) -> set[CustomerId]:
        async with self.use_case.start_work() as work:
            ours = await work.subscriptions.live_between(low, high)
        return {customer for name, customer in ours if name not in listed}

    async def _each(self, pages: Pages[Found], differing: Differing[Found]) -> None:
        async for page in pages:
            await self._sync(sorted(await differing(page)), len(page))

    async def _differing_subscriptions(self, page: Sequence[Owned[SubscriptionReading]]) -> set[CustomerId]:
        async with self.use_case.start_work() as work:
            catalogue = await work.plans.catalogue()
            kept = await work.subscriptions.named([each.reading.terms.provider_id for each in page])
        ours = {each.terms.provider_id: each for each in kept}
        return {
            each.customer_id
            for each in page
            if not _is_same(ours.get(each.reading.terms.provider_id), each.reading, catalogue)
        }

    async def _differing_invoices(self, page: Sequence[Owned[InvoiceReading]]) -> set[CustomerId]:
        async with self.use_case.start_work() as work:
            kept = await work.invoices.named([each.reading.provider_id for each in page])
        ours = {each.reading.provider_id: each.reading for each in kept}
        return {each.customer_id for each in page if ours.get(each.reading.provider_id) != each.reading}

    async def _differing_reversals(self, page: Sequence[Owned[ReversalReading]]) -> set[CustomerId]:
        async with self.use_case.start_work() as work:
            kept = await work.reversals.named([each.reading.provider_id for each in page])
        ours = {each.reading.provider_id: (each.reading.status, each.reading.amount) for each in kept}
        return {
            each.customer_id
            for each in page
            if ours.get(each.reading.provider_id) != (each.reading.status, each.reading.amount)
        }

    async def _sync(self, customers: Sequence[CustomerId], compared: int) -> None:
        """Ask for syncs, then count: the run's row is locked last, as by the syncs that write into its report."""
        now = self.use_case.now()
        async with self.use_case.start_work() as work:
            if customers:
                await work.syncs.request(customers, Cause("reconcile", str(self.run.id)), now)
            if not await work.runs.advance(self.run, compared, now + LEASE):
                raise _Lost
            await work.commit()
        self.progress(compared)


def _is_same(ours: Subscription | None, theirs: SubscriptionReading, catalogue: Catalogue) -> bool:
    if ours is None or ours.terms != theirs.terms:
        return False
    plan_code = catalogue.plan_of(theirs.price_id, theirs.lookup_key)
    return plan_code == ours.plan_code or (plan_code is None and not theirs.terms.is_live)


def _record(run: Run) -> dict[str, object]:
    """Return a run that nobody has begun, as it is answered."""
    return {
        "id": str(run.id),
        "scope": run.scope,
        "user_id": str(run.user_id) if run.user_id else None,
        "started_at": run.started_at.isoformat(),
        "finished_at": None,
        "checked": run.checked,
        "drifted": run.drifted,
        "healed": run.healed,
        "details": list(run.details),
    }
