"""Learns from the provider under which ids our plans are sold: `{plan}_{interval}` names a price for good."""

from dataclasses import dataclass

from payment_service.application.ports import NewId, PaymentGateway, StartWork
from payment_service.domain.plans import INTERVALS, Catalogue


@dataclass(frozen=True, slots=True)
class LoadPrices:
    """Idempotent; what the provider does not sell is left as it is."""

    start_work: StartWork
    gateway: PaymentGateway
    new_id: NewId

    async def __call__(self) -> list[str]:
        """Return the paid plans that are still without any price."""
        async with self.start_work() as work:
            names = _lookup_keys(await work.plans.catalogue())
        readings = await self.gateway.prices(list(names))
        async with self.start_work() as work:
            for reading in readings:
                await work.plans.put_price(self.new_id(), names[reading.lookup_key], reading)
            catalogue = await work.plans.catalogue()
            await work.commit()
        return [plan.code for plan in catalogue.plans.values() if plan.code in names.values() and not plan.prices]


def _lookup_keys(catalogue: Catalogue) -> dict[str, str]:
    paid = [plan.code for plan in catalogue.plans.values() if plan.is_active and not plan.is_default]
    return {f"{code}_{interval}": code for code in paid for interval in INTERVALS}
