"""What a reader may do, in this service's own words; payment_service computes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from story_service.domain.errors import PlanUpgradeRequired, SubscriptionRequired
from story_service.domain.grants import Grant

GENERATE = "story.generate"
PREMIUM = "premium"
LEAST_CONTEXT = 12_000  # tokens of a conversation that a model is told, where the plan does not say


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of a meter one window holds; None is unlimited."""

    amount: int | None
    window: str


NOTHING = Limit(0, "day")


@dataclass(frozen=True, slots=True)
class Access:
    """One version of a reader's access; `grants` are in the order in which they burn."""

    version: int
    entitled: bool
    plan: str
    state: str
    flags: frozenset[str] = frozenset()
    limits: Mapping[str, Limit] = field(default_factory=dict)
    tier: str = "standard"
    period: tuple[datetime, datetime] | None = None
    context_tokens: int = LEAST_CONTEXT
    plans_on_offer: tuple[str, ...] = ()
    priority: int = 0
    grants: tuple[Grant, ...] = ()

    def limit(self, meter: str) -> Limit:
        """Return the limit of a meter; what the plan does not name is not included."""
        return self.limits.get(meter, NOTHING)

    def grants_of(self, meter: str, now: datetime) -> tuple[Grant, ...]:
        """Return what counts of a meter on top of the plan, first what burns first."""
        return tuple(grant for grant in self.grants if grant.meter == meter and grant.counts(now))

    def allows(self, feature: str) -> bool:
        """Tell whether the reader may use the feature now.

        The flag alone decides: who is not entitled has those of the plan that costs nothing, who is denied has none.
        """
        return feature in self.flags

    def demand(self, feature: str) -> None:
        """Raise SubscriptionRequired unless the plan includes the feature now."""
        if not self.allows(feature):
            raise SubscriptionRequired(self.plans_on_offer)

    def includes(self, tier: str) -> bool:
        """Tell whether models of this tier are part of the plan."""
        return tier != PREMIUM or self.tier == PREMIUM

    def demand_tier(self, tier: str) -> None:
        """Raise PlanUpgradeRequired for a model above the plan."""
        if not self.includes(tier):
            raise PlanUpgradeRequired(self.plans_on_offer)
