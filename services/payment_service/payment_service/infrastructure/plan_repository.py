"""The catalogue in Postgres."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.application.access_ports import PriceReading
from payment_service.domain.plan_changes import PastEntitlement, PlanChange
from payment_service.domain.plans import Catalogue, Entitlement, Plan, Price
from payment_service.infrastructure.base import PROVIDER
from payment_service.infrastructure.plan_rows import TOLD, EntitlementRow, PlanRow, PriceRow

PLANS_LOCK = 0x706C616E73
"""The advisory lock that whoever computes access shares, and whoever changes plans has alone."""


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
                version=row.version,
                trial_days=row.trial_days,
            )
            for row in await self._session.scalars(select(PlanRow).order_by(PlanRow.rank))
        ]
        return Catalogue({plan.code: plan for plan in plans}, known)

    async def lock(self) -> None:
        """Wait until nobody computes access, and let nobody until the transaction ends."""
        await self._session.execute(select(func.pg_advisory_xact_lock(PLANS_LOCK)))

    async def history(self, plan_code: str) -> list[PastEntitlement]:
        """Return everything that a plan ever said, youngest first."""
        said = select(EntitlementRow).where(EntitlementRow.plan_code == plan_code)
        rows = await self._session.scalars(said.order_by(EntitlementRow.valid_from.desc(), EntitlementRow.feature))
        return [row.to_past() for row in rows]

    async def change(self, change: PlanChange, now: datetime, actor: UUID | None, reason: str) -> int:
        """Close what a plan said and open what it says now; return the plan's version from then on."""
        code = change.plan.code
        standing = EntitlementRow.valid_to.is_(None) & EntitlementRow.feature.in_(change.closed)
        end = func.greatest(now, EntitlementRow.valid_from + timedelta(microseconds=1))  # though a clock went back
        closed = await self._session.execute(
            update(EntitlementRow)
            .where(EntitlementRow.plan_code == code, standing)
            .values(valid_to=end)
            .returning(EntitlementRow.feature, EntitlementRow.valid_to)
        )
        ends = {row.feature: row.valid_to for row in closed}
        for each in change.opened:
            begin = {"valid_from": ends.get(each.feature, now), "changed_by": actor, "reason": reason}
            await self._session.execute(insert(EntitlementRow).values(EntitlementRow.columns(code, each) | begin))
        is_new = not change.closed and len(change.opened) == len(change.plan.entitlements)
        raised = update(PlanRow).where(PlanRow.code == code).values(version=PlanRow.version + (0 if is_new else 1))
        return (await self._session.execute(raised.returning(PlanRow.version))).scalar_one()

    async def arrange(self, plans: Sequence[Plan], retired: Sequence[str]) -> None:
        """Keep names, ranks and which is the default of the plans that are sold, and retire others."""
        codes = [*retired, *(plan.code for plan in plans)]
        out_of_the_way = {"active": False, "is_default": False}  # ranks and the default may change places
        await self._session.execute(update(PlanRow).where(PlanRow.code.in_(codes)).values(**out_of_the_way))
        for plan in plans:
            values = {
                "name": plan.name,
                "rank": plan.rank,
                "is_default": plan.is_default,
                "active": True,
                "description": plan.description,
                "trial_days": plan.trial_days,
            }
            fresh = insert(PlanRow).values(code=plan.code, **values)
            await self._session.execute(fresh.on_conflict_do_update(index_elements=["code"], set_=values))

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
