"""What a story would cost at most and whether it would be accepted, without doing anything."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from story_service.application.generate_story import Ask
from story_service.application.ports import Clock, StartWork, Subscriptions
from story_service.domain.access import GENERATE, Access
from story_service.domain.errors import ModelUnavailable, Refusal
from story_service.domain.ids import UserId
from story_service.domain.pricing import CatalogModel, MeterQuote, Quote, quote
from story_service.domain.prompt import messages
from story_service.domain.usage import Line, Meter, Window, demand_turn, exceeded, window_of


@dataclass(frozen=True, slots=True)
class Quotation:
    """The terms of a story that nobody has asked for yet, and why it would be refused now, if it would."""

    model: CatalogModel
    terms: Quote
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model, and whether the reader's plan includes it."""

    model: CatalogModel
    included: bool


@dataclass(frozen=True, slots=True)
class QuoteStory:
    """Asks the questions of GenerateStory in its order, but for moderation, and takes nothing."""

    start_work: StartWork
    subscriptions: Subscriptions
    default_model: str
    now: Clock

    async def __call__(self, ask: Ask) -> Quotation:
        """Return the price. Raises ModelUnavailable, since what is unknown has none."""
        access, now = await self.subscriptions.access(ask.user_id), self.now()
        async with self.start_work() as work:
            model = await work.models.offered(ask.model or self.default_model, now)
            if model is None:
                raise ModelUnavailable
            terms = quote(model, messages(ask.request), ask.request.length, access)
            windows = {meter: window_of(access.limit(meter).window, access, now) for meter in terms.meters}
            held = await work.usage.holdings(ask.user_id, windows)
            running = await work.generations.open_of(ask.user_id)
        refusal = _refusal(ask, model, terms, access, windows, held, running, now)
        return Quotation(model, _with_rest(terms, held), refusal)

    async def models(self, user_id: UserId) -> list[OfferedModel]:
        """Return the models on offer."""
        access = await self.subscriptions.access(user_id)
        async with self.start_work() as work:
            return [OfferedModel(model, access.includes(model.tier)) for model in await work.models.offers(self.now())]


def _refusal(
    ask: Ask,
    model: CatalogModel,
    terms: Quote,
    access: Access,
    windows: Mapping[str, Window],
    held: Mapping[str, Meter],
    running: int,
    now: datetime,
) -> Refusal | None:
    try:
        access.demand(GENERATE)
        access.demand_tier(model.tier)
        terms.demand_price(ask.max_price)
        demand_turn(access, running, now)
    except Refusal as refusal:
        return refusal
    for meter, wanted in sorted(terms.meters.items()):
        if wanted.limit is not None and held[meter].used + wanted.most > wanted.limit:
            return exceeded(Line(meter, windows[meter], wanted.most), wanted.limit, held[meter].used, now)
    return None


def _with_rest(terms: Quote, held: Mapping[str, Meter]) -> Quote:
    def rest(meter: str, wanted: MeterQuote) -> int | None:
        return None if wanted.limit is None else max(0, wanted.limit - held[meter].used - wanted.most)

    meters = {m: replace(wanted, remaining_after=rest(m, wanted)) for m, wanted in terms.meters.items()}
    return replace(terms, meters=meters)
