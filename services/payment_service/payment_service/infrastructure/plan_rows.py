"""Rows of the catalogue."""

from datetime import datetime
from typing import Any, cast, get_args
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, Integer, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.domain.plan_changes import PastEntitlement
from payment_service.domain.plans import LONGEST_TRIAL, Entitlement, Interval, Kind, Price, Window
from payment_service.infrastructure.base import Row


def one_of(column: str, kind: Any) -> str:
    """Return the condition that `column` holds one of the words of a Literal."""
    return f"{column} IN ({','.join(repr(word) for word in get_args(kind))})"


class PlanRow(Row):
    """A plan; what it allows and costs stands beside it."""

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint("code ~ '^[a-z0-9_]{2,32}$'", name="code_shape"),
        CheckConstraint(f"trial_days BETWEEN 0 AND {LONGEST_TRIAL}", name="trial_days_bounded"),
        Index("uq_plans_rank_while_active", "rank", unique=True, postgresql_where=text("active")),
        Index("uq_plans_one_default", "is_default", unique=True, postgresql_where=text("is_default")),
    )
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    rank: Mapped[int] = mapped_column(SmallInteger)
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    description: Mapped[str] = mapped_column(server_default=text("''"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    trial_days: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))


class PriceRow(Row):
    """A price that the provider sells, or once sold."""

    __tablename__ = "plan_prices"
    __table_args__ = (
        UniqueConstraint("provider", "provider_price_id"),
        CheckConstraint("unit_amount >= 0", name="amount_positive"),
        CheckConstraint(one_of("interval", Interval), name="interval_known"),
        Index(
            "uq_plan_prices_one_active",
            "plan_code",
            "provider",
            "currency",
            "interval",
            unique=True,
            postgresql_where=text("active"),
        ),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_code: Mapped[str] = mapped_column(ForeignKey("payment.plans.code"))
    provider: Mapped[str] = mapped_column(server_default=text("'stripe'"))
    provider_price_id: Mapped[str]
    currency: Mapped[str] = mapped_column(CHAR(3))
    unit_amount: Mapped[int] = mapped_column(Integer)
    interval: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"))

    def to_domain(self) -> Price:
        """Return the price."""
        interval = cast("Interval", self.interval)
        return Price(self.id, self.plan_code, self.provider_price_id, self.currency, self.unit_amount, interval)


class EntitlementRow(Row):
    """What a plan says about one feature from `valid_from` on; a change closes it and opens another."""

    __tablename__ = "plan_entitlements"
    __table_args__ = (
        CheckConstraint(one_of("kind", Kind), name="kind_known"),
        CheckConstraint("limit_value >= 0", name="limit_positive"),
        CheckConstraint(one_of("window_kind", Window), name="window_known"),
        CheckConstraint("(kind = 'flag') = (flag IS NOT NULL)", name="flag_has_value"),
        CheckConstraint("(kind = 'config') = (config IS NOT NULL)", name="config_has_value"),
        CheckConstraint(
            "kind <> 'limit' OR (unlimited <> (limit_value IS NOT NULL) AND window_kind IS NOT NULL)",
            name="limit_or_unlimited",
        ),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="validity_forward"),
        Index(
            "uq_plan_entitlements_one_current",
            "plan_code",
            "feature",
            unique=True,
            postgresql_where=text("valid_to IS NULL"),
        ),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    plan_code: Mapped[str] = mapped_column(ForeignKey("payment.plans.code"))
    feature: Mapped[str]
    kind: Mapped[str]
    flag: Mapped[bool | None]
    limit_value: Mapped[int | None]
    unlimited: Mapped[bool] = mapped_column(server_default=text("false"))
    window_kind: Mapped[str | None]
    config: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    valid_from: Mapped[datetime] = mapped_column(server_default=text("now()"))
    valid_to: Mapped[datetime | None]
    changed_by: Mapped[UUID | None]
    reason: Mapped[str | None]

    @staticmethod
    def columns(plan_code: str, entitlement: Entitlement) -> dict[str, Any]:
        """Return the columns of what a plan says about a feature."""
        return {
            "plan_code": plan_code,
            "feature": entitlement.feature,
            "kind": entitlement.kind,
            "flag": entitlement.flag,
            "limit_value": entitlement.limit,
            "unlimited": entitlement.is_unlimited,
            "window_kind": entitlement.window,
            "config": entitlement.config,
        }

    def to_past(self) -> PastEntitlement:
        """Return what the plan said, when, and who changed it."""
        entitlement = Entitlement(
            feature=self.feature,
            kind=cast("Kind", self.kind),
            flag=self.flag,
            limit=self.limit_value,
            is_unlimited=self.unlimited,
            window=cast("Window | None", self.window_kind),
            config=self.config,
        )
        return PastEntitlement(entitlement, self.valid_from, self.valid_to, self.changed_by, self.reason)


TOLD = (
    EntitlementRow.feature,
    EntitlementRow.kind,
    EntitlementRow.flag,
    EntitlementRow.limit_value,
    EntitlementRow.unlimited,
    EntitlementRow.window_kind,
    EntitlementRow.config,
)
"""The columns that make an Entitlement, in the order of its fields: read without an object a row, for they are many."""
