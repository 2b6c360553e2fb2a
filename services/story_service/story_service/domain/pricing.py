"""What a generation may cost at most, and what it did cost. Integers only; settled never exceeds reserved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from story_service.domain.access import PREMIUM, Access
from story_service.domain.errors import MaxPriceExceeded
from story_service.domain.prompt import Message
from story_service.domain.usage import PREMIUM_CALLS, TOKENS

_MILLION = 1_000_000
_BYTES_A_TOKEN = 4  # of English, when a provider does not say
_TOKENS_A_MESSAGE = 16  # role, separators, and what a provider adds of its own


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider is called and in which dialect: OpenAI's, but for what is said here.

    Without a `base_url` it is OPENAI_BASE_URL. `secret` names the setting that holds the key.
    """

    base_url: str | None = None
    secret: str = "OPENAI_API_KEY"  # noqa: S105 - the name of a setting
    output_limit: str = "max_completion_tokens"
    tells_usage: bool = True


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """A model that the service offers, and its prices in millionths of a dollar for a million tokens.

    `rank` orders those of a tier that may stand in for one another; without one it is used only when asked for.
    """

    model: str
    provider: str
    tier: str
    input_micros_per_mtok: int
    output_micros_per_mtok: int
    weight_milli: int
    context_tokens: int
    max_output_tokens: int
    endpoint: Endpoint = Endpoint()
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them, or as we estimate them."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False

    @property
    def total(self) -> int:
        """All tokens."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class MeterQuote:
    """The most that a generation takes of one meter, and that meter's limit at the time (None: unlimited)."""

    most: int
    limit: int | None
    remaining_after: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """The terms a generation was accepted on, whichever of `models` writes it in the end."""

    meters: dict[str, MeterQuote]
    max_cost_micros: int
    most_output_tokens: int
    models: tuple[str, ...] = ()

    @property
    def price(self) -> int:
        """The weighted tokens that it may come to; none where there is nothing to write."""
        return self.meters[TOKENS].most if TOKENS in self.meters else 0

    def demand_price(self, most: int | None) -> None:
        """Raise MaxPriceExceeded where it may cost more than the reader wants to pay."""
        if most is not None and self.price > most:
            raise MaxPriceExceeded(self.price, most)


@dataclass(frozen=True, slots=True)
class Bill:
    """What a generation came to: weighted tokens for its reader, millionths of a dollar for us."""

    price: int = 0
    cost_micros: int = 0


def bill(model: CatalogModel, usage: Usage, terms: Quote) -> Bill:
    """Charge what was used, and never more than was quoted; what is over is ours."""
    price = min(weighted(model.weight_milli, usage), terms.meters[TOKENS].most)
    return Bill(price, cost_micros(model, usage))


def prompt_bound(messages: tuple[Message, ...]) -> int:
    """Bound the tokens of a prompt from above: a token is at least one byte."""
    return sum(len(message.content.encode()) + _TOKENS_A_MESSAGE for message in messages)


def estimated_usage(messages: tuple[Message, ...], text: str) -> Usage:
    """Guess the usage that a provider did not tell."""
    prompt = sum(_estimate(message.content) for message in messages)
    return Usage(prompt, _estimate(text) if text else 0, estimated=True)


def quote(model: CatalogModel, prompt_tokens: int, most_output: int, units: Mapping[str, int], access: Access) -> Quote:
    """Return the most that a call can cost: tokens always, its kind's own units, a call where the model is premium."""
    output = min(most_output, model.max_output_tokens)
    most = Usage(prompt_tokens, output)
    wanted = {**units, TOKENS: weighted(model.weight_milli, most)}
    if model.tier == PREMIUM:
        wanted[PREMIUM_CALLS] = 1
    meters = {meter: MeterQuote(amount, access.limit(meter).amount) for meter, amount in wanted.items()}
    return Quote(meters, cost_micros(model, most), output)


def quote_chain(
    models: Sequence[CatalogModel], prompt_tokens: int, most_output: int, units: Mapping[str, int], access: Access
) -> Quote:
    """Return terms that hold whichever of the models writes: those of the dearest, in tokens and in money."""
    terms = [quote(model, prompt_tokens, most_output, units, access) for model in models]
    dearest = max(terms, key=lambda one: one.price)
    cost, output = max(one.max_cost_micros for one in terms), terms[0].most_output_tokens
    return Quote(dearest.meters, cost, output, tuple(model.model for model in models))


def together(terms: Sequence[Quote]) -> Quote:
    """Return the terms of a call that several generations answer."""
    meters: dict[str, MeterQuote] = {}
    for one in terms:
        for meter, wanted in one.meters.items():
            before = meters[meter].most if meter in meters else 0
            meters[meter] = MeterQuote(before + wanted.most, wanted.limit)
    most_output = sum(one.most_output_tokens for one in terms)
    return Quote(meters, sum(one.max_cost_micros for one in terms), most_output)


def weighted(weight_milli: int, usage: Usage) -> int:
    """Return what tokens of a model count on the reader's meter, rounded up."""
    return -(-usage.total * weight_milli // 1000)


def cost_micros(model: CatalogModel, usage: Usage) -> int:
    """Return what the provider asks for it, rounded up."""
    total = usage.prompt_tokens * model.input_micros_per_mtok + usage.completion_tokens * model.output_micros_per_mtok
    return -(-total // _MILLION)


def _estimate(text: str) -> int:
    return -(-len(text.encode()) // _BYTES_A_TOKEN)
