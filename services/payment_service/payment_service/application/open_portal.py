"""Opens the provider's page where a customer manages cards and bills."""

from dataclasses import dataclass
from datetime import timedelta

from payment_service.application.open_checkout import Opened
from payment_service.application.ports import Attempt, Clock, PaymentGateway, StartWork, StoredAnswer
from payment_service.domain.errors import NoCustomer, ProviderRefused, ProviderUnavailable
from payment_service.domain.return_paths import ReturnPaths

_LOCK_FOR = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class OpenPortal:
    """Raises NoCustomer, ReturnPathNotAllowed, ProviderUnavailable, ProviderRefused."""

    start_work: StartWork
    gateway: PaymentGateway
    return_paths: ReturnPaths
    now: Clock

    async def __call__(self, attempt: Attempt, return_path: str) -> Opened:
        """Return the address of the page."""
        self.return_paths.check(return_path)
        async with self.start_work() as work:
            if known := await work.attempts.claim(attempt, self.now(), _LOCK_FOR):
                return Opened(known, is_replay=True)
            customer = await work.customers.of(attempt.user_id)
            if customer is None or customer.deleted_at is not None:
                raise NoCustomer
            await work.commit()
        try:
            url = await self.gateway.open_portal(customer.id, return_path, f"{attempt.user_id}:{attempt.key}")
        except (ProviderUnavailable, ProviderRefused) as error:
            is_gone = isinstance(error, ProviderRefused) and await self.gateway.is_deleted(customer.id)
            async with self.start_work() as work:
                await work.attempts.release(attempt)
                if is_gone:
                    await work.customers.delete(customer.id, self.now())
                await work.commit()
            if is_gone:
                raise NoCustomer from None
            raise
        answer = StoredAnswer({"url": url})
        async with self.start_work() as work:
            await work.attempts.complete(attempt, answer, None)
            await work.commit()
        return Opened(answer, is_replay=False)
