"""Plans and access in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from payment_service.application.access_ports import PastVersion, PriceReading, Recompute, Span, Standing
from payment_service.domain.access import AccessVersion
from payment_service.domain.dunning import day_due
from payment_service.domain.errors import AlreadyGranted
from payment_service.domain.grants import Grant
from payment_service.domain.ids import UserId
from payment_service.domain.overrides import Override
from payment_service.domain.plan_changes import PastEntitlement, PlanChange
from payment_service.domain.plans import Catalogue, Plan, Price
from services.payment_service.tests.kept import Table

_BIRTH = datetime(2020, 1, 1, tzinfo=UTC)


class Plans(Table):
    async def catalogue(self, at: datetime | None = None) -> Catalogue:
        if at is None:
            return self.kept.catalogue
        return next((each for until, each in self.kept.earlier if until > at), self.kept.catalogue)

    async def lock(self) -> None: ...

    async def history(self, plan_code: str) -> list[PastEntitlement]:
        plan = self.kept.catalogue.plans[plan_code]
        return self.kept.past.get(plan_code) or [
            PastEntitlement(each, _BIRTH, None, None, None) for each in plan.entitlements
        ]

    async def change(self, change: PlanChange, now: datetime, actor: UUID | None, reason: str) -> int:
        self.kept.earlier.append((now, self.kept.catalogue))
        code = change.plan.code
        past = await self.history(code)
        over = [
            replace(each, valid_to=now)
            if each.valid_to is None and each.entitlement.feature in change.closed else each for each in past
        ]  # fmt: skip
        fresh = [PastEntitlement(each, now, None, actor, reason) for each in change.opened]
        self.kept.past[code] = [*fresh, *over]
        old = self.kept.catalogue.plans[code]
        version = old.version + (1 if old.entitlements else 0)
        self._put(replace(old, entitlements=change.plan.entitlements, version=version))
        return version

    async def arrange(self, plans: Sequence[Plan], retired: Sequence[str]) -> None:
        for code in retired:
            self._put(replace(self.kept.catalogue.plans[code], is_active=False, is_default=False))
        for plan in plans:
            old = self.kept.catalogue.plans.get(plan.code, replace(plan, entitlements=()))
            self._put(replace(plan, entitlements=old.entitlements, prices=old.prices, version=old.version))

    def _put(self, plan: Plan) -> None:
        plans = {**self.kept.catalogue.plans, plan.code: plan}
        self.kept.catalogue = Catalogue(plans, self.kept.catalogue.known_prices)

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

    async def history(self, user_id: UserId, span: Span, limit: int) -> list[PastVersion]:
        mine = [each for each in self.kept.accesses if each.user_id == user_id]
        ends = [*(each.valid_from for each in mine[1:]), None] if mine else []
        found = [
            PastVersion(version, end) for version, end in zip(mine, ends, strict=True)
            if (span.start is None or end is None or end > span.start)
            and (span.end is None or version.valid_from < span.end)
            and (span.before_version is None or version.version < span.before_version)
        ]  # fmt: skip
        return found[::-1][:limit]

    async def currents(self, user_ids: Sequence[UserId]) -> list[AccessVersion]:
        found = [await self.current(user_id) for user_id in user_ids]
        return [each for each in found if each is not None]

    async def request_recompute(self, plan_code: str, cause_id: str, actor: UUID | None, now: datetime) -> None:  # noqa: ARG002 - the port says so
        current = {each.user_id: each for each in self.kept.accesses}
        theirs = [user_id for user_id, each in current.items() if each.access.plan_code == plan_code]
        self.kept.recomputes |= {user_id: Recompute(user_id, cause_id, actor) for user_id in theirs}

    async def recomputes(self, limit: int, but: Collection[UserId] = ()) -> list[Recompute]:
        return [each for each in self.kept.recomputes.values() if each.user_id not in but][:limit]

    async def recomputed(self, done: Recompute) -> None:
        if self.kept.recomputes.get(done.user_id) == done:
            del self.kept.recomputes[done.user_id]

    async def lapsed(self, now: datetime, limit: int, but: Collection[UserId] = ()) -> list[UserId]:
        current = {each.user_id: each for each in self.kept.accesses}
        return [each.user_id for each in current.values() if each.has_lapsed(now) and each.user_id not in but][:limit]


class Standings(Table):
    async def learn(self, standing: Standing) -> bool:
        known = self.kept.standings.get(standing.user_id)
        if known and known.version >= standing.version:
            return False
        self.kept.standings[standing.user_id] = standing
        return True

    async def is_shut_out(self, user_id: UserId) -> bool:
        standing = self.kept.standings.get(user_id)
        return user_id in self.kept.erasures or (standing is not None and standing.is_suspended)


class Overrides(Table):
    async def get(self, override_id: UUID) -> Override | None:
        return self.kept.overrides.get(override_id)

    async def of(self, user_id: UserId, ending_after: datetime) -> list[Override]:
        mine = [each for each in self.kept.overrides.values() if each.user_id == user_id]
        return [each for each in mine if each.revoked_at is None and each.expires_at > ending_after]

    async def latest(self, user_id: UserId, limit: int) -> list[Override]:
        mine = [each for each in self.kept.overrides.values() if each.user_id == user_id]
        return sorted(mine, key=lambda each: (each.created_at, each.id), reverse=True)[:limit]

    async def put(self, override: Override) -> None:
        self.kept.overrides[override.id] = override


class Grants(Table):
    async def get(self, grant_id: UUID) -> Grant | None:
        return self.kept.grants.get(grant_id)

    async def of(self, user_id: UserId, ending_after: datetime) -> list[Grant]:
        mine = [each for each in self.kept.grants.values() if each.user_id == user_id]
        return [each for each in mine if each.voided_at is None and each.expires_at > ending_after]

    async def latest(self, user_id: UserId, limit: int) -> list[Grant]:
        mine = [each for each in self.kept.grants.values() if each.user_id == user_id]
        return sorted(mine, key=lambda each: (each.created_at, each.id), reverse=True)[:limit]

    async def add(self, grant: Grant) -> None:
        if any(
            (each.source, each.source_ref) == (grant.source, grant.source_ref) for each in self.kept.grants.values()
        ):
            raise AlreadyGranted
        self.kept.grants[grant.id] = grant

    async def void(self, grant: Grant) -> None:
        self.kept.grants[grant.id] = grant


class Erasures(Table):
    async def add(self, user_id: UserId, now: datetime) -> None:
        self.kept.erasures.setdefault(user_id, False)
        self.kept.left_at.setdefault(user_id, now)

    async def asked_at(self, user_id: UserId) -> datetime:
        return self.kept.left_at[user_id]

    async def reopen(self, user_id: UserId) -> None:
        if user_id in self.kept.erasures:
            self.kept.erasures[user_id] = False

    async def waiting(self, limit: int, but: Collection[UserId] = ()) -> list[UserId]:
        return [name for name, is_ended in self.kept.erasures.items() if not is_ended and name not in but][:limit]

    async def ended(self, user_id: UserId, now: datetime) -> None:  # noqa: ARG002 - the port says so
        self.kept.erasures[user_id] = True


class Dunning(Table):
    async def waiting(self, now: datetime, limit: int, but: Collection[UserId] = ()) -> list[UserId]:
        found = []
        for each in self.kept.subscriptions.values():
            since, until = each.past_due_since, each.grace_until
            day = day_due(since, until, now) if since and until and not each.is_superseded else None
            if since and day is not None and not self._is_told(each.id, since, day):
                found.append(each.user_id)
        return [user_id for user_id in found if user_id not in but][:limit]

    async def told(self, subscription_id: UUID, since: datetime, day: int, now: datetime) -> bool:
        if self._is_told(subscription_id, since, day):
            return False
        self.kept.notices.add((subscription_id, now, day))
        return True

    def _is_told(self, subscription_id: UUID, since: datetime, day: int) -> bool:
        return any(
            name == subscription_id and told_at >= since and which >= day for name, told_at, which in self.kept.notices
        )
