"""What the use cases about plans and access need from the store."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from payment_service.domain.access import AccessVersion
from payment_service.domain.grants import Grant
from payment_service.domain.ids import UserId
from payment_service.domain.overrides import Override
from payment_service.domain.plan_changes import PastEntitlement, PlanChange
from payment_service.domain.plans import Catalogue, Interval, Plan


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

    async def catalogue(self, at: datetime | None = None) -> Catalogue:
        """Return everything that is sold now, and every price that ever was; with what plans allowed at an instant."""
        ...

    async def lock(self) -> None:
        """Wait until nobody computes access, and let nobody until the transaction ends."""
        ...

    async def history(self, plan_code: str) -> list[PastEntitlement]:
        """Return everything that a plan ever said, youngest first."""
        ...

    async def change(self, change: PlanChange, now: datetime, actor: UUID | None, reason: str) -> int:
        """Close what a plan said and open what it says now; return the plan's version from then on."""
        ...

    async def arrange(self, plans: Sequence[Plan], retired: Sequence[str]) -> None:
        """Keep names, ranks and which is the default of the plans that are sold, and retire others."""
        ...

    async def put_price(self, price_id: UUID, plan_code: str, reading: PriceReading) -> None:
        """Sell a plan at this price, and no longer at another of that interval and currency."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of somebody's history: `start` included, `end` excluded; below `before_version` where a page ended."""

    start: datetime | None = None
    end: datetime | None = None
    before_version: int | None = None


@dataclass(frozen=True, slots=True)
class PastVersion:
    """A version, and until when it was in force; None for the one that is."""

    version: AccessVersion
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Recompute:
    """Somebody whose access has to be computed anew, after which change of plans and by whom."""

    user_id: UserId
    cause_id: str
    caused_by: UUID | None


class Accesses(Protocol):
    """Every version of everybody's access."""

    async def current(self, user_id: UserId) -> AccessVersion | None:
        """Return the version in force, None for somebody never heard of."""
        ...

    async def append(self, version: AccessVersion) -> None:
        """Let a version follow the current one."""
        ...

    async def history(self, user_id: UserId, span: Span, limit: int) -> list[PastVersion]:
        """Return the versions that were in force within a span, youngest first."""
        ...

    async def currents(self, user_ids: Sequence[UserId]) -> list[AccessVersion]:
        """Return the versions in force of those who have one."""
        ...

    async def request_recompute(self, plan_code: str, cause_id: str, actor: UUID | None, now: datetime) -> None:
        """Have everybody computed anew who has a version and this plan."""
        ...

    async def recomputes(self, limit: int, but: Collection[UserId] = ()) -> list[Recompute]:
        """Return who but these has to be computed anew, the longest waiting first."""
        ...

    async def recomputed(self, done: Recompute) -> None:
        """Note that somebody was, unless another change came meanwhile."""
        ...

    async def lapsed(self, now: datetime, limit: int, but: Collection[UserId] = ()) -> list[UserId]:
        """Return whose access, of all but these, has passed an edge."""
        ...


class Dunning(Protocol):
    """Which notices of failed payments were told."""

    async def waiting(self, now: datetime, limit: int, but: Collection[UserId] = ()) -> list[UserId]:
        """Return who but these has a notice coming to them."""
        ...

    async def told(self, subscription_id: UUID, since: datetime, day: int, now: datetime) -> bool:
        """Note that a notice is told; False when it or a later one of this spell was."""
        ...


class Erasures(Protocol):
    """Who is being erased, and whether what they had at the provider has ended."""

    async def add(self, user_id: UserId, now: datetime) -> None:
        """Note that somebody leaves; told twice, it is noted once."""
        ...

    async def waiting(self, limit: int, but: Collection[UserId] = ()) -> list[UserId]:
        """Return who but these still has subscriptions to be ended, the longest waiting first."""
        ...

    async def asked_at(self, user_id: UserId) -> datetime:
        """Return since when somebody leaves who does."""
        ...

    async def reopen(self, user_id: UserId) -> None:
        """Let what somebody has be ended once more, if they left: there is something new."""
        ...

    async def ended(self, user_id: UserId, now: datetime) -> None:
        """Note that nothing of theirs runs any more."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What user_service says of somebody, by the version of their profile. `until`: when a suspension ends."""

    user_id: UserId
    version: int
    is_suspended: bool
    since: datetime
    until: datetime | None


class Standings(Protocol):
    """Who is suspended."""

    async def learn(self, standing: Standing) -> bool:
        """Keep it; False when something at least as young is known."""
        ...

    async def is_shut_out(self, user_id: UserId) -> bool:
        """Tell whether they are suspended, or being erased: then nothing is sold to them."""
        ...


class Overrides(Protocol):
    """What admins and rules laid over people's plans."""

    async def get(self, override_id: UUID) -> Override | None:
        """Return one."""
        ...

    async def of(self, user_id: UserId, ending_after: datetime) -> list[Override]:
        """Return a person's that are not revoked and end later than this, whether they have begun or not."""
        ...

    async def latest(self, user_id: UserId, limit: int) -> list[Override]:
        """Return a person's, youngest first, those that are over among them."""
        ...

    async def put(self, override: Override) -> None:
        """Keep it, new or changed."""
        ...


class Grants(Protocol):
    """Units that people have on top of their plans."""

    async def get(self, grant_id: UUID) -> Grant | None:
        """Return one."""
        ...

    async def of(self, user_id: UserId, ending_after: datetime) -> list[Grant]:
        """Return a person's that are not voided and end later than this, whether they have begun or not."""
        ...

    async def latest(self, user_id: UserId, limit: int) -> list[Grant]:
        """Return a person's, youngest first, those that are over among them."""
        ...

    async def add(self, grant: Grant) -> None:
        """Keep a new one. Raises AlreadyGranted when its source and source_ref have paid."""
        ...

    async def void(self, grant: Grant) -> None:
        """Keep that it is voided."""
        ...
