"""Plans and access in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from payment_service.application.access_ports import PastVersion, PriceReading, Span
from payment_service.domain.access import AccessVersion
from payment_service.domain.errors import AlreadyGranted
from payment_service.domain.grants import Grant
from payment_service.domain.ids import UserId
from payment_service.domain.overrides import Override
from payment_service.domain.plans import Catalogue, Price
from services.payment_service.tests.kept import Table


class Plans(Table):
    async def catalogue(self, at: datetime | None = None) -> Catalogue:
        if at is None:
            return self.kept.catalogue
        return next((each for until, each in self.kept.earlier if until > at), self.kept.catalogue)

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

    async def lapsed(self, now: datetime, limit: int) -> list[UserId]:
        current = {each.user_id: each for each in self.kept.accesses}
        return [each.user_id for each in current.values() if each.has_lapsed(now)][:limit]


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
