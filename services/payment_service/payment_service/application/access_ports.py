"""What the use cases about plans and access need from the store."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from payment_service.domain.access import AccessVersion
from payment_service.domain.ids import UserId
from payment_service.domain.plans import Catalogue, Interval


@dataclass(frozen=True, slots=True)
class PriceReading:
    """A price as the provider sells it."""

    provider_id: str
    lookup_key: str
    currency: str
    unit_amount: int
    interval: Interval


class Plans(Protocol):
    """Plans, their entitlements and prices."""

    async def catalogue(self) -> Catalogue:
        """Return everything that is sold now, and every price that ever was."""
        ...

    async def put_price(self, price_id: UUID, plan_code: str, reading: PriceReading) -> None:
        """Sell a plan at this price, and no longer at another of that interval and currency."""
        ...


class Accesses(Protocol):
    """Every version of everybody's access."""

    async def current(self, user_id: UserId) -> AccessVersion | None:
        """Return the version in force, None for somebody never heard of."""
        ...

    async def append(self, version: AccessVersion) -> None:
        """Let a version follow the current one."""
        ...

    async def lapsed(self, now: datetime, limit: int) -> list[UserId]:
        """Return whose access has passed an edge."""
        ...
