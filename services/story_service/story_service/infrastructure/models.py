"""The catalog of models in Postgres, each with the provider that serves it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from common_service.statements import Compiled, rows
from story_service.domain.pricing import CatalogModel, Endpoint
from story_service.infrastructure.model_tables import ModelRow, ProviderRow

_MODELS, _PROVIDERS = ModelRow.__table__, ProviderRow.__table__.c


def _newest(which: ColumnElement[bool]) -> Compiled:
    """Return the statement that reads, of each of these models, the row that was the newest at a time."""
    model = _MODELS.c
    by = (_PROVIDERS.base_url, _PROVIDERS.secret_setting, _PROVIDERS.output_limit, _PROVIDERS.tells_usage)
    return Compiled(
        select(_MODELS, *by, _PROVIDERS.active.label("is_served"))
        .join(ProviderRow.__table__, _PROVIDERS.provider == model.provider)
        .where(model.valid_from <= bindparam("at", type_=DateTime(timezone=True)), which)
        .ext(distinct_on(model.model))
        .order_by(model.model, model.valid_from.desc())
    )


_OFFERS = _newest(_MODELS.c.modality == "text")
_NAMED = _newest(_MODELS.c.model == func.any(bindparam("names", type_=ARRAY(Text))))


class SqlModels:
    """The catalog as one transaction sees it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def offered(self, model: str, now: datetime) -> CatalogModel | None:
        """Return the newest valid row, unless it or its provider is withdrawn."""
        found = await self._read(_NAMED, {"names": [model], "at": now}, only_active=True)
        return found[0] if found else None

    async def offers(self, now: datetime) -> list[CatalogModel]:
        """Return the newest valid row of each model that is not withdrawn."""
        return await self._read(_OFFERS, {"at": now}, only_active=True)

    async def billed(self, model: str, at: datetime) -> CatalogModel | None:
        """Return the row that was the newest."""
        found = await self._read(_NAMED, {"names": [model], "at": at}, only_active=False)
        return found[0] if found else None

    async def held(self, models: Sequence[str], at: datetime) -> list[CatalogModel]:
        """Return the rows that were the newest."""
        found = await self._read(_NAMED, {"names": list(models), "at": at}, only_active=False)
        return sorted(found, key=lambda model: models.index(model.model))

    async def _read(self, statement: Compiled, values: Mapping[str, Any], *, only_active: bool) -> list[CatalogModel]:
        found = await rows(self._session, statement, values)
        return [_model(row) for row in found if not only_active or (row.active and row.is_served)]


def _model(row: Any) -> CatalogModel:
    return CatalogModel(
        row.model,
        row.provider,
        row.tier,
        row.input_micros_per_mtok,
        row.output_micros_per_mtok,
        row.weight_milli,
        row.context_tokens,
        row.max_output_tokens,
        Endpoint(row.base_url, row.secret_setting, row.output_limit, row.tells_usage),
        row.fallback_rank,
    )
