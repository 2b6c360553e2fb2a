"""Runs claimed syncs side by side: a customer whose reading hangs does not hold up the others."""

import asyncio
from collections.abc import Callable

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from structlog.contextvars import bound_contextvars

from common_service.jobs import Job, pause
from payment_service.application.sync_customer import SyncCustomer
from payment_service.application.sync_ports import ClaimedSync
from payment_service.infrastructure.due_syncs import DueSyncs

log = structlog.get_logger("sync")
_POLL_SECONDS = 0.1
_BEATS = 3  # in a lease: one that is late or fails loses nothing


class SyncDispatcher:
    """Claims while something is due and there is room for one more, and otherwise waits."""

    def __init__(
        self,
        sync_customer: SyncCustomer,
        due: DueSyncs,
        *,
        at_once: int,
        failed: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`failed` is told why a sync was put off."""
        self._sync, self._due, self._room, self._failed = sync_customer, due, asyncio.Semaphore(at_once), failed

    def job(self) -> Job:
        """Return the dispatcher as a job of a worker."""
        return Job("customer-syncs", self.run)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, or until the queue cannot be read; then let open syncs end. Raises what the database does.

        An open sync that was dropped would keep its customer waiting for the end of its lease.
        """
        broken: Exception | None = None
        async with self._due, asyncio.TaskGroup() as tasks:
            try:
                await self._take_in(stop, tasks)
            except (psycopg.Error, SQLAlchemyError) as error:
                broken = error
        if broken:
            raise broken

    async def _take_in(self, stop: asyncio.Event, tasks: asyncio.TaskGroup) -> None:
        while not stop.is_set():
            await self._room.acquire()
            claimed = await self._claim()
            if claimed is None:
                await pause(stop, _POLL_SECONDS)
            else:
                tasks.create_task(self._one(claimed))

    async def _claim(self) -> ClaimedSync | None:
        claimed = None
        try:
            if await self._due.any():
                claimed = await self._sync.claim()
        finally:
            if claimed is None:
                self._room.release()
        return claimed

    async def _one(self, claimed: ClaimedSync) -> None:
        with bound_contextvars(request_id=claimed.cause.id, customer=claimed.customer_id):
            try:
                async with asyncio.TaskGroup() as tasks:
                    keeping = tasks.create_task(self._keep(claimed))
                    await self._done(claimed)
                    keeping.cancel()
            finally:
                self._room.release()

    async def _done(self, claimed: ClaimedSync) -> None:
        try:
            reason = await self._sync(claimed)
        except Exception as error:  # a supervising loop: what breaks is put off, and given up when it always does
            log.exception("sync broke")
            await self._put_off(claimed, type(error).__name__)
        else:
            if reason is None:
                log.info("synced", attempt=claimed.attempts)
            else:
                self._failed(reason)
                log.warning("not synced", reason=reason, attempt=claimed.attempts)

    async def _keep(self, claimed: ClaimedSync) -> None:
        """Renew the lease for as long as it is ours; a run that has lost it learns that when it wants to write."""
        is_ours = True
        while is_ours:
            await asyncio.sleep(self._sync.lease.total_seconds() / _BEATS)
            try:
                is_ours = await self._sync.renew(claimed)
            except (SQLAlchemyError, OSError) as error:
                log.warning("lease not renewed", reason=type(error).__name__)

    async def _put_off(self, claimed: ClaimedSync, reason: str) -> None:
        self._failed(reason)
        try:
            await self._sync.fail(claimed, reason)
        except (SQLAlchemyError, OSError):  # the lease ends, and the sync is claimed again
            log.exception("sync not put off")
