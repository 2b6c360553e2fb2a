"""What the use cases need of the catalog of models."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from story_service.domain.pricing import CatalogModel


class Models(Protocol):
    """The catalog."""

    async def offered(self, model: str, now: datetime) -> CatalogModel | None:
        """Return the row that holds now; None for a model that is unknown or withdrawn."""
        ...

    async def offers(self, now: datetime) -> list[CatalogModel]:
        """Return every row that holds now, by name."""
        ...

    async def held(self, models: Sequence[str], at: datetime) -> list[CatalogModel]:
        """Return the rows that held then, in the order asked for."""
        ...

    async def billed(self, model: str, at: datetime) -> CatalogModel | None:
        """Return the row that held then: what was accepted is paid for, whatever became of the model."""
        ...


class Health(Protocol):
    """How the providers are doing."""

    def allows(self, provider: str) -> bool:
        """Tell whether it may be called now: one that is down is left alone, but for a probe now and then."""
        ...

    def record(self, provider: str, *, succeeded: bool) -> None:
        """Note how a call that was allowed ended."""
        ...

    def may_retry(self, provider: str) -> bool:
        """Tell whether a call that failed may be made again, and count it."""
        ...
