"""What a call would cost at most and whether it would be accepted, without doing anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from story_service.application.accept_generations import Call, priced
from story_service.application.draw_units import room
from story_service.application.kinds import Commission, NothingToWrite
from story_service.application.ports import Clock, StartWork, Subscriptions, Work
from story_service.domain.access import Access
from story_service.domain.errors import ModelUnavailable, Refusal
from story_service.domain.ids import UserId
from story_service.domain.pricing import CatalogModel, MeterQuote, Quote, together
from story_service.domain.routing import Menu
from story_service.domain.usage import Line, Meter, Window, demand_turn, exceeded, window_of


@dataclass(frozen=True, slots=True)
class Quotation:
    """The terms of a call that nobody has made yet, and why it would be refused now, if it would."""

    model: CatalogModel
    terms: Quote
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model, and whether the reader's plan includes it."""

    model: CatalogModel
    included: bool


@dataclass(frozen=True, slots=True)
class QuoteCall:
    """Asks the questions of AcceptGenerations in its order, but for moderation, and takes nothing."""

    start_work: StartWork
    subscriptions: Subscriptions
    menu: Menu
    now: Clock

    async def __call__(self, call: Call, commission: Commission) -> Quotation:
        """Return the price. Raises ModelUnavailable, since what is unknown has none, and what its kind refuses."""
        access, now = await self.subscriptions.access(call.user_id), self.now()
        async with self.start_work() as work:
            models = await work.models.offers(now)
            model = self.menu.choose(models, call.model)
            if model is None:
                raise ModelUnavailable
            terms = await self._terms(work, commission, models, model, access)
            windows = {meter: window_of(access.limit(meter).window, access, now) for meter in terms.meters}
            held = await work.usage.holdings(call.user_id, windows)
            granted = {meter: await work.usage.burnt(access.grants_of(meter, now)) for meter in terms.meters}
            running = await work.generations.open_of(call.user_id)
        left = {m: room(wanted.limit, held[m], granted[m]) for m, wanted in terms.meters.items()}
        refusal = _refusal(call, commission.flag, model, terms, access, running, now)
        return Quotation(model, _with_rest(terms, left), refusal or _shortage(terms, windows, held, left, now))

    async def _terms(
        self, work: Work, commission: Commission, models: Sequence[CatalogModel], model: CatalogModel, access: Access
    ) -> Quote:
        try:
            order = (await commission.read(work))(access)
        except NothingToWrite:
            return together([])
        return together(priced(order, self.menu, models, model, access))

    async def models(self, user_id: UserId) -> list[OfferedModel]:
        """Return the models on offer."""
        access = await self.subscriptions.access(user_id)
        async with self.start_work() as work:
            offered = self.menu.offered(await work.models.offers(self.now()))
        return [OfferedModel(model, access.includes(model.tier)) for model in offered]


def _refusal(
    call: Call, flag: str, model: CatalogModel, terms: Quote, access: Access, running: int, now: datetime
) -> Refusal | None:
    try:
        access.demand(flag)
        access.demand_tier(model.tier)
        terms.demand_price(call.max_price)
        demand_turn(access, running, now)
    except Refusal as refusal:
        return refusal
    return None


def _shortage(
    terms: Quote,
    windows: Mapping[str, Window],
    held: Mapping[str, Meter],
    left: Mapping[str, int | None],
    now: datetime,
) -> Refusal | None:
    for meter, wanted in sorted(terms.meters.items()):
        rest = left[meter]
        if rest is not None and wanted.most > rest:
            return exceeded(Line(meter, windows[meter], wanted.most), wanted.limit or 0, held[meter].used, now)
    return None


def _with_rest(terms: Quote, left: Mapping[str, int | None]) -> Quote:
    def rest(meter: str, wanted: MeterQuote) -> int | None:
        has = left[meter]
        return None if has is None else max(0, has - wanted.most)

    meters = {m: replace(wanted, remaining_after=rest(m, wanted)) for m, wanted in terms.meters.items()}
    return replace(terms, meters=meters)
