"""The rows of the catalog: providers, and the models that they serve."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row


class ProviderRow(Row):
    """Who serves models: where, and in which dialect. The key stands in the setting that is named, never here."""

    __tablename__ = "providers"

    provider: Mapped[str] = mapped_column(primary_key=True)
    base_url: Mapped[str | None]
    secret_setting: Mapped[str]
    output_limit: Mapped[str] = mapped_column(server_default=text("'max_tokens'"))
    tells_usage: Mapped[bool] = mapped_column(server_default=text("true"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))

    __table_args__ = (
        CheckConstraint("output_limit IN ('max_tokens','max_completion_tokens')", name="output_limit_known"),
        CheckConstraint("secret_setting ~ '^[A-Z][A-Z0-9_]*_API_KEY$'", name="secret_named"),
        CheckConstraint("base_url ~ '^https?://'", name="base_url_absolute"),
    )


class ModelRow(Row):
    """A model and its prices, from a day on."""

    __tablename__ = "model_catalog"

    model: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[datetime] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(ForeignKey("story.providers.provider"))
    tier: Mapped[str]
    modality: Mapped[str]
    input_micros_per_mtok: Mapped[int]
    output_micros_per_mtok: Mapped[int]
    cached_input_micros_per_mtok: Mapped[int | None]
    weight_milli: Mapped[int] = mapped_column(Integer, server_default=text("1000"))
    context_tokens: Mapped[int] = mapped_column(Integer)
    max_output_tokens: Mapped[int] = mapped_column(Integer)
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    fallback_rank: Mapped[int | None] = mapped_column(SmallInteger)

    __table_args__ = (
        CheckConstraint("tier IN ('standard','premium')", name="tier_known"),
        CheckConstraint("modality IN ('text','image','speech','transcribe','video')", name="modality_known"),
        CheckConstraint("weight_milli > 0", name="weight_positive"),
    )
