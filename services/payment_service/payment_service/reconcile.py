"""`python -m payment_service.reconcile`: compare what is kept with Stripe, heal it, and print what differed.

Safe at any time, beside the worker and beside another one: what it finds is healed by the customer sync.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TextIO
from uuid import UUID

from common_service.clock import utc_now
from common_service.database import Database
from common_service.ids import uuid7
from common_service.logging import configure_logging
from payment_service.application.ports import StartWork
from payment_service.application.reconcile import Reconcile, RequestReconcile
from payment_service.application.sync_customer import SyncCustomer
from payment_service.application.sync_ports import Run
from payment_service.domain.errors import ProviderRefused, ProviderUnavailable, Refusal
from payment_service.domain.ids import UserId
from payment_service.infrastructure.due_syncs import DueSyncs
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.sync_dispatcher import SyncDispatcher
from payment_service.infrastructure.work import SqlPaymentWork
from payment_service.settings import Settings

_LOOK_SECONDS, _WIDTH = 0.2, 30


class Bar:
    """A line that is written over and over; how many there are to compare is known only at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out, self.done = out, 0

    def show(self, what: str, done: int, most: int | None = None) -> None:
        """Show how far it is."""
        self.done = done
        share = "" if most is None else f"[{'#' * (_WIDTH * done // most):<{_WIDTH}}] "
        end = "" if most is None else f" of {most}"
        self._out.write(f"\r\x1b[2K{share}{done}{end} {what}")
        self._out.flush()

    def close(self) -> None:
        """Leave the line."""
        self._out.write("\r\x1b[2K")
        self._out.flush()


def main(words: Sequence[str] | None = None) -> int:
    """Return 0 when everything was compared and healed, 1 when something was not, 2 when Stripe did not answer."""
    parser = argparse.ArgumentParser(prog="python -m payment_service.reconcile", description=__doc__)
    whom = parser.add_mutually_exclusive_group()
    whom.add_argument("--user", type=UUID, help="one person instead of everybody")
    whom.add_argument("--pending", action="store_true", help="only customers who wait for something")
    wanted = parser.parse_args(words)
    settings, bar = Settings(), Bar(sys.stderr)
    if words is None:  # a process of its own, whose log is nobody else's
        configure_logging("payment-reconcile", format=settings.log_format, level="ERROR")
    try:
        run = asyncio.run(reconcile(settings, bar, wanted.user, pending=wanted.pending))
    except (ProviderUnavailable, ProviderRefused, Refusal) as error:
        sys.stderr.write(f"{error} Nothing is lost: run it again.\n")
        return 2
    _report(run)
    return 0 if run.drifted == run.healed else 1


async def reconcile(settings: Settings, bar: Bar, user_id: UUID | None, *, pending: bool) -> Run:
    """Do one run in this process, with syncs of its own beside the worker's, and wait until they are done."""
    url = settings.database_url.get_secret_value()
    database = Database(url, pool_size=settings.syncs_at_once + 4)
    gateway = StripeGateway(
        settings.stripe_api_key.get_secret_value(),
        api_base=settings.stripe_api_base or None,
        web_origin=settings.public_web_origin,
    )

    def start_work() -> SqlPaymentWork:
        return SqlPaymentWork(database)

    grace, ttl, stop = timedelta(days=settings.grace_days), settings.access_ttl_seconds, asyncio.Event()
    sync = SyncCustomer(start_work, gateway, utc_now, uuid7, grace, ttl)
    dispatcher = SyncDispatcher(sync, DueSyncs(url), at_once=settings.syncs_at_once)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(dispatcher.run(stop))
            try:
                return await _with_progress(start_work, gateway, bar, user_id, pending=pending)
            finally:
                stop.set()
    except* (ProviderUnavailable, ProviderRefused, Refusal) as errors:
        raise errors.exceptions[0] from None
    finally:
        gateway.close()
        await database.close()


async def _with_progress(
    start_work: StartWork, gateway: StripeGateway, bar: Bar, user_id: UUID | None, *, pending: bool
) -> Run:
    request = RequestReconcile(start_work, utc_now, uuid7)
    asked = await (request.scope("pending") if pending else request.by_hand(UserId(user_id) if user_id else None))
    comparison = Reconcile(start_work, gateway.ledger, utc_now)
    if claimed := await comparison.claim(asked.id):
        await comparison(claimed, lambda count: bar.show("compared with Stripe", bar.done + count))
    run = await request.read(asked.id)
    while run.finished_at is None:  # a worker was faster, and does it
        bar.show("compared with Stripe", run.checked)
        await asyncio.sleep(_LOOK_SECONDS)
        run = await request.read(asked.id)
    left = most = await comparison.waiting(asked.id)
    while left:
        bar.show("brought up to date", most - left, most)
        await asyncio.sleep(_LOOK_SECONDS)
        left = await comparison.waiting(asked.id)
    bar.close()
    return await request.read(asked.id)


def _report(run: Run) -> None:
    for entry in run.details:
        healed = "healed" if entry["healed"] else "NOT healed"
        sys.stdout.write(
            f"{entry['who']}  {entry['field']}: ours {entry['ours']}, Stripe's {entry['theirs']}; {healed}\n"
        )
    counted = f"{run.checked} compared, {run.drifted} customers differed, {run.healed} healed"
    sys.stdout.write(f"{counted} (run {run.id}).\n")


if __name__ == "__main__":
    sys.exit(main())
