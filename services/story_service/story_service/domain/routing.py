"""Which model a call is written by, and which others stand in for it while its provider fails."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from story_service.domain.pricing import CatalogModel

_MOST = 3  # providers that one generation may ask: each costs its reader time


@dataclass(frozen=True, slots=True)
class Menu:
    """What a deployment can offer: models of those providers whose key is set. `default` is written by unless asked."""

    default: str
    keys: frozenset[str]

    def offered(self, models: Iterable[CatalogModel]) -> list[CatalogModel]:
        """Return the models whose provider can be called."""
        return [model for model in models if model.endpoint.secret in self.keys]

    def choose(self, models: Iterable[CatalogModel], wanted: str | None) -> CatalogModel | None:
        """Return the model that was asked for, or else the default, or the first that may stand in for it."""
        offered = self.offered(models)
        for model in offered:
            if model.model == (wanted or self.default):
                return model
        return None if wanted else next(iter(_in_order(offered)), None)

    def chain(
        self, models: Iterable[CatalogModel], first: CatalogModel, prompt_tokens: int, most_output: int
    ) -> tuple[CatalogModel, ...]:
        """Return it and those of its tier that can take its place, in the order of the catalog."""
        output = min(most_output, first.max_output_tokens)
        others = [
            model
            for model in _in_order(self.offered(models))
            if model.model != first.model and model.tier == first.tier and _fits(model, prompt_tokens, output)
        ]
        return (first, *others[: _MOST - 1])


def _in_order(models: Sequence[CatalogModel]) -> list[CatalogModel]:
    ranked = [(model.rank, model.model, model) for model in models if model.rank is not None]
    return [model for _, _, model in sorted(ranked, key=lambda one: one[:2])]


def _fits(model: CatalogModel, prompt_tokens: int, output: int) -> bool:
    # The bound of a prompt is its bytes, several times its tokens.
    return model.max_output_tokens >= output and model.context_tokens >= prompt_tokens // 2 + output
