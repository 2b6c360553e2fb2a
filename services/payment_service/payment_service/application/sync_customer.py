"""Brings one customer up to date: what the provider says of all their subscriptions now, written as one change.

This is the design that converged in every order of events (reliability.md): payloads only name the customer. The
per-customer lock is the lease with its fence, not a transaction: the provider is read with no transaction open, and
what was read is written only while the fence still stands, so an older reading can never follow a younger one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from payment_service.application.access_changes import draw_edges, recompute_access
from payment_service.application.customer_writer import CheckoutReading, CustomerWriter
from payment_service.application.ports import Clock, Customer, NewId, PaymentGateway, StartWork, Work
from payment_service.application.sync_ports import MOST_ATTEMPTS, ClaimedSync, CustomerReading
from payment_service.domain.drift import Drift
from payment_service.domain.errors import ProviderRefused, ProviderUnavailable, SyncImpossible
from payment_service.domain.events import drift_found, webhook_dead
from payment_service.domain.ids import UserId

LEASE = timedelta(seconds=30)
LEASE_LOST = "lease lost"
"""Why a run wrote nothing: another one has taken its customer over, and brings them up to date."""
NEVER_ENDED = "attempts never ended"
"""Why a sync was given up of whose last attempt nobody has heard: whoever did it died."""
UNAVAILABLE = ProviderUnavailable.__name__
"""Why a sync is put off to which the provider gave no answer."""
_LONGEST_PAUSE_SECONDS, _PAUSE_WHILE_AWAY_SECONDS = 3600, 60
_UNKNOWN_CUSTOMER = "unknown customer"


@dataclass(frozen=True, slots=True)
class SyncCustomer:
    """`grace`: how long after a first failed payment the plan still applies. `lease`: how long a claim stands.

    `given_up` is told why a sync was given up that nobody is left to tell of. `is_away` says that the provider answers
    nobody: what is put off for that is not given up.
    """

    start_work: StartWork
    gateway: PaymentGateway
    now: Clock
    new_id: NewId
    grace: timedelta
    ttl_seconds: int
    lease: timedelta = LEASE
    given_up: Callable[[str], None] = lambda _: None
    is_away: Callable[[], bool] = lambda: False

    async def claim(self) -> ClaimedSync | None:
        """Take the next customer that is due, None when there is none.

        What kills its worker each time is given up here, since no attempt lives to do it.
        """
        while True:
            async with self.start_work() as work:
                claimed = await work.syncs.claim(self.now(), self.lease)
                is_worn_out = claimed is not None and claimed.attempts > MOST_ATTEMPTS
                if claimed is not None and is_worn_out:
                    await self._give_up(work, claimed, NEVER_ENDED)
                await work.commit()
            if not is_worn_out:
                return claimed
            self.given_up(NEVER_ENDED)

    async def renew(self, sync: ClaimedSync) -> bool:
        """Let a claim stand for another lease; False when it has ended, or somebody else has taken it over."""
        async with self.start_work() as work:
            is_ours = await work.syncs.renew(sync, self.now() + self.lease)
            await work.commit()
        return is_ours

    async def __call__(self, sync: ClaimedSync) -> str | None:
        """Do one claimed sync; return why it is not done: what it is tried again for, or LEASE_LOST."""
        try:
            return await (self._look_up(sync) if sync.lookup else self._bring_up_to_date(sync))
        except (ProviderUnavailable, ProviderRefused, SyncImpossible) as error:
            reason = error.reason if isinstance(error, SyncImpossible) else type(error).__name__
            return reason if await self.fail(sync, reason) else LEASE_LOST

    async def _look_up(self, sync: ClaimedSync) -> str | None:
        """Find out whose refund or dispute it is, and let that customer be synced."""
        assert sync.lookup is not None
        customer_id = await self.gateway.customer_of(sync.lookup, sync.customer_id)
        async with self.start_work() as work:
            if customer_id is not None:  # first, since whoever locks several queue rows goes by their names
                await work.syncs.ask([customer_id], sync.cause, self.now())
            if not await work.syncs.hold(sync):
                return LEASE_LOST
            await work.syncs.hand_over(sync, customer_id, self.now())
            await work.commit()
        return None

    async def _bring_up_to_date(self, sync: ClaimedSync) -> str | None:
        read_at = self.now()
        reading = await self.gateway.read_customer(sync.customer_id)
        checkout = await self._checkout(sync)
        try:
            return await self._write(sync, reading, checkout, read_at, None)
        except SyncImpossible as error:
            if error.reason != _UNKNOWN_CUSTOMER or not (owner := await self.gateway.owner_of(sync.customer_id)):
                raise
        return await self._write(sync, reading, checkout, read_at, owner)

    async def fail(self, sync: ClaimedSync, reason: str) -> bool:
        """Put the sync off, each time for longer, and give it up after the twelfth time; False when it is not ours."""
        async with self.start_work() as work:
            is_ours = await work.syncs.hold(sync)
            if is_ours:
                await self._put_off(work, sync, reason)
                await work.commit()
        return is_ours

    async def _put_off(self, work: Work, sync: ClaimedSync, reason: str) -> None:
        waits = reason == UNAVAILABLE and self.is_away()
        if waits or sync.attempts < MOST_ATTEMPTS:
            longest = _PAUSE_WHILE_AWAY_SECONDS if waits else _LONGEST_PAUSE_SECONDS
            pause = min(2 ** (sync.attempts - 1), longest)
            await work.syncs.fail(sync, reason, self.now() + timedelta(seconds=pause))
        else:
            await self._give_up(work, sync, reason)

    async def _give_up(self, work: Work, sync: ClaimedSync, reason: str) -> None:
        now = self.now()
        lost = await work.syncs.bury(sync, reason)
        facts = [webhook_dead(event_id, kind, reason, sync.customer_id, now) for event_id, kind in lost]
        if sync.cause.type == "reconcile":
            drift = Drift("customer", None, reason)
            facts.append(drift_found(None, sync.customer_id, drift, now, healed=False))
            await work.runs.found(UUID(sync.cause.id), sync.customer_id, [drift], healed=False)
        if facts:
            await work.outbox.add(*facts)

    async def _checkout(self, sync: ClaimedSync) -> CheckoutReading | None:
        """Ask for the open page; what was bought counts, even where the provider knows nothing of the page."""
        try:
            return await self.gateway.checkout_state(sync.open_checkout) if sync.open_checkout else None
        except ProviderRefused:
            return None

    async def _write(
        self,
        sync: ClaimedSync,
        reading: CustomerReading,
        checkout: CheckoutReading | None,
        read_at: datetime,
        owner: UserId | None,
    ) -> str | None:
        """Write what is ours; return why the sync has to be tried again for what is not. `owner`: by the provider."""
        async with self.start_work() as work:
            if not await work.syncs.hold(sync):
                return LEASE_LOST
            user_id = await self._owner(work, sync, owner)
            reason = await self._write_theirs(work, user_id, sync, reading, checkout, read_at) if user_id else None
            if reason:
                await self._put_off(work, sync, reason)
            else:
                await work.syncs.finish(sync, self.now())
            await work.commit()
            return reason

    async def _write_theirs(
        self,
        work: Work,
        user_id: UserId,
        sync: ClaimedSync,
        reading: CustomerReading,
        checkout: CheckoutReading | None,
        read_at: datetime,
    ) -> str | None:
        await work.lock_user(user_id)
        catalogue = await work.plans.catalogue()
        await draw_edges(work, user_id, catalogue, self.now(), self.ttl_seconds)
        writer = CustomerWriter(work, user_id, sync, catalogue, read_at, self.new_id, self.grace)
        await writer.write(reading, checkout)
        await recompute_access(work, user_id, catalogue, sync.cause, self.now(), self.ttl_seconds)
        return "unknown price" if writer.has_strangers(reading) else None

    async def _owner(self, work: Work, sync: ClaimedSync, owner: UserId | None) -> UserId | None:
        """Return whose customer it is, None for one that is history. Raises SyncImpossible.

        One that we created for somebody and then lost, as by going back to a backup, is theirs again; it never takes
        the place of another.
        """
        if known := await work.customers.owner(sync.customer_id):
            return known
        if await work.customers.is_former(sync.customer_id):
            return None
        if owner is None:
            raise SyncImpossible(_UNKNOWN_CUSTOMER)
        standing = await work.customers.add_first(Customer(owner, sync.customer_id, self.now()))
        if standing.id != sync.customer_id:
            raise SyncImpossible("second customer")
        return owner
