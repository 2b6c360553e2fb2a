"""What is for sale."""

from dataclasses import dataclass

from payment_service.application.ports import StartWork
from payment_service.domain.plans import Plan


@dataclass(frozen=True, slots=True)
class ListPlans:
    """The plans that may be chosen, from the least to the most."""

    start_work: StartWork

    async def __call__(self) -> list[Plan]:
        """Return active plans by rank."""
        async with self.start_work() as work:
            catalogue = await work.plans.catalogue()
        return sorted((plan for plan in catalogue.plans.values() if plan.is_active), key=lambda plan: plan.rank)
