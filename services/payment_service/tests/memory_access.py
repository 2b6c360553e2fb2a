"""Plans and access in memory."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from payment_service.application.access_ports import PriceReading
from payment_service.domain.access import AccessVersion
from payment_service.domain.ids import UserId
from payment_service.domain.plans import Catalogue, Price
from services.payment_service.tests.kept import Table


class Plans(Table):
    async def catalogue(self) -> Catalogue:
        return self.kept.catalogue

    async def put_price(self, price_id: UUID, plan_code: str, reading: PriceReading) -> None:
        plan = self.kept.catalogue.plans[plan_code]
        mine = (reading.currency, reading.interval)
        standing = next((price for price in plan.prices if price.provider_id == reading.provider_id), None)
        price = Price(
            standing.id if standing else price_id, plan_code, reading.provider_id, reading.currency,
            reading.unit_amount, reading.interval,
        )  # fmt: skip
        others = [each for each in plan.prices if (each.currency, each.interval) != mine]
        prices = tuple(sorted([*others, price], key=lambda each: (each.currency, each.interval)))
        self.kept.catalogue = Catalogue(
            {**self.kept.catalogue.plans, plan_code: replace(plan, prices=prices)},
            {**self.kept.catalogue.known_prices, reading.provider_id: plan_code},
        )


class Accesses(Table):
    async def current(self, user_id: UserId) -> AccessVersion | None:
        return next((each for each in reversed(self.kept.accesses) if each.user_id == user_id), None)

    async def append(self, version: AccessVersion) -> None:
        self.kept.accesses.append(version)

    async def lapsed(self, now: datetime, limit: int) -> list[UserId]:
        current = {each.user_id: each for each in self.kept.accesses}
        return [each.user_id for each in current.values() if each.has_lapsed(now)][:limit]
