"""What is sold: plans, what each allows, and the prices that the provider knows them by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from payment_service.domain.errors import PlanUnknown, PricesNotLoaded

Kind = Literal["flag", "limit", "config"]
Window = Literal["day", "month", "period", "concurrent", "total"]
Interval = Literal["month", "year"]
INTERVALS: tuple[Interval, ...] = ("month", "year")
LONGEST_TRIAL = 365
"""In days."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a plan says about one feature: exactly one of a flag, a limit (or none at all), a configured value."""

    feature: str
    kind: Kind
    flag: bool | None = None
    limit: int | None = None
    is_unlimited: bool = False
    window: Window | None = None
    config: Any = None

    def document(self) -> dict[str, Any]:
        """Return the feature as it stands in an access snapshot (api.md 6.3)."""
        if self.kind == "flag":
            return {"kind": "flag", "value": self.flag}
        if self.kind == "config":
            return {"kind": "config", "value": self.config}
        amount = {"unlimited": True} if self.is_unlimited else {"limit": self.limit}
        return {"kind": "limit", **amount, "window": self.window}


@dataclass(frozen=True, slots=True)
class Price:
    """A price of a plan as the provider sells it."""

    id: UUID
    plan_code: str
    provider_id: str
    currency: str
    unit_amount: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class Plan:
    """One of the plans; a higher `rank` is more. `prices` are sold now; `version` counts changes of entitlements.

    Who never had a subscription may try it for `trial_days` without paying.
    """

    code: str
    name: str
    rank: int
    is_default: bool
    is_active: bool
    description: str
    entitlements: tuple[Entitlement, ...]
    prices: tuple[Price, ...] = ()
    version: int = 1
    trial_days: int = 0

    def features(self) -> dict[str, Any]:
        """Return all features by name, in the form of an access snapshot."""
        return {entitlement.feature: entitlement.document() for entitlement in self.entitlements}

    def price(self, interval: Interval) -> Price | None:
        """Return what the plan costs per `interval`."""
        return next((price for price in self.prices if price.interval == interval), None)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every plan, by code; exactly one is the default. `known_prices` also holds those no longer sold."""

    plans: Mapping[str, Plan]
    known_prices: Mapping[str, str]

    @property
    def default(self) -> Plan:
        """The plan of everybody who pays for none."""
        return next(plan for plan in self.plans.values() if plan.is_default)

    @property
    def least_sold(self) -> Plan:
        """The least of the plans that people pay for now; the default where none is sold."""
        sold = (plan for plan in self.plans.values() if plan.is_active and not plan.is_default)
        return min(sold, key=lambda plan: plan.rank, default=self.default)

    def sold(self, plan_code: str, interval: Interval) -> Price:
        """Return what somebody pays who chooses this. Raises PlanUnknown, PricesNotLoaded."""
        plan = self.plans.get(plan_code)
        if plan is None or not plan.is_active or plan.is_default:
            raise PlanUnknown
        if not plan.prices:
            raise PricesNotLoaded
        if (price := plan.price(interval)) is None:
            raise PlanUnknown
        return price

    def price_named(self, provider_id: str) -> Price | None:
        """Return the price that the provider knows by this name, None for one that is sold no longer."""
        prices = (price for plan in self.plans.values() for price in plan.prices)
        return next((price for price in prices if price.provider_id == provider_id), None)

    def plan_of(self, price_id: str, lookup_key: str | None) -> str | None:
        """Return the code of the plan that a provider's price sells, None for a price that is none of ours."""
        if price_id in self.known_prices:
            return self.known_prices[price_id]
        code, _, interval = (lookup_key or "").rpartition("_")
        return code if interval in INTERVALS and code in self.plans else None
