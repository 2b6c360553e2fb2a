"""The catalog of models in Postgres, each with the provider that serves it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.domain.pricing import CatalogModel, Endpoint
from story_service.infrastructure.model_tables import ModelRow, ProviderRow


class SqlModels:
    """The catalog as one transaction sees it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def offered(self, model: str, now: datetime) -> CatalogModel | None:
        """Return the newest valid row, unless it or its provider is withdrawn."""
        found = await self._read(_newest(now, ModelRow.model == model), only_active=True)
        return found[0] if found else None

    async def offers(self, now: datetime) -> list[CatalogModel]:
        """Return the newest valid row of each model that is not withdrawn."""
        return await self._read(_newest(now, ModelRow.modality == "text"), only_active=True)

    async def billed(self, model: str, at: datetime) -> CatalogModel | None:
        """Return the row that was the newest."""
        found = await self._read(_newest(at, ModelRow.model == model), only_active=False)
        return found[0] if found else None

    async def held(self, models: Sequence[str], at: datetime) -> list[CatalogModel]:
        """Return the rows that were the newest."""
        found = await self._read(_newest(at, ModelRow.model.in_(models)), only_active=False)
        return sorted(found, key=lambda model: models.index(model.model))

    async def _read(self, query: Select[ModelRow, ProviderRow], *, only_active: bool) -> list[CatalogModel]:
        rows = (await self._session.execute(query)).all()
        return [_model(row, by) for row, by in rows if not only_active or (row.active and by.active)]


def _newest(at: datetime, *which: ColumnElement[bool]) -> Select[ModelRow, ProviderRow]:
    return (
        select(ModelRow, ProviderRow)
        .join(ProviderRow, ProviderRow.provider == ModelRow.provider)
        .where(ModelRow.valid_from <= at, *which)
        .ext(distinct_on(ModelRow.model))
        .order_by(ModelRow.model, ModelRow.valid_from.desc())
    )


def _model(row: ModelRow, by: ProviderRow) -> CatalogModel:
    return CatalogModel(
        row.model,
        row.provider,
        row.tier,
        row.input_micros_per_mtok,
        row.output_micros_per_mtok,
        row.weight_milli,
        row.context_tokens,
        row.max_output_tokens,
        Endpoint(by.base_url, by.secret_setting, by.output_limit, by.tells_usage),
        row.fallback_rank,
    )
