"""Notices when the payment provider answers again, and lets those who waited for it wait no longer."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from payment_service.application.ports import Clock, PaymentGateway, StartWork
from payment_service.application.sync_customer import UNAVAILABLE

log = logging.getLogger("provider")


@dataclass(slots=True)
class WatchProvider:
    """Asks the provider something small while syncs fail for want of an answer, and otherwise nothing.

    `is_away`: what syncs fail for then is no fault of theirs, so none is given up for it. Who wakes is the process that
    saw the outage end; one that has just begun may have missed its beginning, so its first answer counts as an end.
    """

    start_work: StartWork
    gateway: PaymentGateway
    now: Clock
    is_away: bool = False
    _is_missed: bool = True
    _may_wait: bool = True

    def missing(self, told: Callable[[str], None]) -> Callable[[str], None]:
        """Return what takes note of why a sync was put off, before `told` does."""

        def note(reason: str) -> None:
            self._is_missed = self._is_missed or reason == UNAVAILABLE
            told(reason)

        return note

    async def __call__(self) -> None:
        """Look once, if there is reason to."""
        if not self._is_missed:
            return
        self._is_missed = False
        if not await self.gateway.answers():
            self.is_away = self._is_missed = self._may_wait = True
            return
        self.is_away = False
        if self._may_wait:
            self._may_wait = False
            async with self.start_work() as work:
                woken = await work.syncs.wake(UNAVAILABLE, self.now())
                await work.commit()
            if woken:
                log.info("provider answers again", extra={"woken": woken})
