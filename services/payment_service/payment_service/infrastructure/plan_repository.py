"""The catalogue in Postgres."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.application.access_ports import PriceReading
from payment_service.domain.plans import Catalogue, Entitlement, Plan, Price
from payment_service.infrastructure.base import PROVIDER
from payment_service.infrastructure.plan_rows import TOLD, EntitlementRow, PlanRow, PriceRow


class SqlPlans:
    """Plans as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def catalogue(self, at: datetime | None = None) -> Catalogue:
        """Return everything that is sold now, and every price that ever was; with what plans allowed at an instant."""
        entitlements: dict[str, list[Entitlement]] = defaultdict(list)
        current: ColumnElement[bool] = EntitlementRow.valid_to.is_(None)
        if at:
            current = (EntitlementRow.valid_from <= at) & (current | (EntitlementRow.valid_to > at))
        found = select(EntitlementRow.plan_code, *TOLD).where(current).order_by(EntitlementRow.feature)
        for plan_code, *fields in await self._session.execute(found):
            entitlements[plan_code].append(Entitlement(*fields))
        prices: dict[str, list[Price]] = defaultdict(list)
        known: dict[str, str] = {}
        for price in await self._session.scalars(select(PriceRow).order_by(PriceRow.currency, PriceRow.interval)):
            known[price.provider_price_id] = price.plan_code
            if price.active:
                prices[price.plan_code].append(price.to_domain())
        plans = [
            Plan(
                code=row.code,
                name=row.name,
                rank=row.rank,
                is_default=row.is_default,
                is_active=row.active,
                description=row.description,
                entitlements=tuple(entitlements[row.code]),
                prices=tuple(prices[row.code]),
            )
            for row in await self._session.scalars(select(PlanRow).order_by(PlanRow.rank))
        ]
        return Catalogue({plan.code: plan for plan in plans}, known)

    async def put_price(self, price_id: UUID, plan_code: str, reading: PriceReading) -> None:
        """Sell a plan at this price, and no longer at another of that interval and currency."""
        rivals = (
            (PriceRow.plan_code == plan_code)
            & (PriceRow.provider == PROVIDER)
            & (PriceRow.currency == reading.currency)
            & (PriceRow.interval == reading.interval)
            & (PriceRow.provider_price_id != reading.provider_id)
        )
        await self._session.execute(update(PriceRow).where(rivals).values(active=False))
        values = {
            "plan_code": plan_code,
            "currency": reading.currency,
            "unit_amount": reading.unit_amount,
            "interval": reading.interval,
            "active": True,
        }
        fresh = insert(PriceRow).values(id=price_id, provider=PROVIDER, provider_price_id=reading.provider_id, **values)
        await self._session.execute(
            fresh.on_conflict_do_update(index_elements=["provider", "provider_price_id"], set_=values)
        )
