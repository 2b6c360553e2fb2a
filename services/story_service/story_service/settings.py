"""What may differ between two runs of story_service."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from common_events.settings import EventSettings
from common_service.settings import is_far_end, is_local

_OPENAI = "https://api.openai.com/v1"
_ADMIN = frozenset(
    {
        *("users.read", "billing.read", "billing.write"),
        *("moderation.read", "moderation.write", "ops.read", "ops.write"),
    }
)


class ModeratorConfig(BaseModel):
    """CONTENT_MODERATOR_CONFIG: when output is checked, by which model, and from which score a category blocks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: Literal["hold_back", "concurrent", "off"] = "hold_back"
    model: str = "omni-moderation-latest"
    policy_version: str = "1"
    thresholds: dict[str, float] = Field(default_factory=lambda: {"violence": 0.8})


class Settings(EventSettings):
    """The settings of story_service; `content_moderator_config` is JSON or the path of a file with it."""

    source: ClassVar[str] = "story"
    default_rates: ClassVar[dict[str, str]] = {
        "story.create_character": "60/minute",
        "story.create_story": "300/minute",
        "story.delete_character": "60/minute",
        "story.edit_character": "60/minute",
        "story.quote_story": "300/minute",
        "story.retry_message": "300/minute",
        "story.send_message": "300/minute",
        "story.create_case": "600/minute",
        "story.edit_case": "600/minute",
        "story.delete_case": "600/minute",
        "story.add_source": "600/minute",
        "story.delete_source": "600/minute",
        "story.add_fact": "600/minute",
        "story.edit_fact": "600/minute",
        "story.add_person": "600/minute",
        "story.edit_person": "600/minute",
        "story.create_memory": "300/minute",
        "story.edit_memory": "300/minute",
        "story.edit_message": "300/minute",
        "story.publish_story": "60/minute",
        "story.report_content": "30/hour",
        "story.request_takedown_address": "20/hour",
        "story.continue_story": "300/minute",
        "story.analyse_story": "300/minute",
    }
    consumers: ClassVar[tuple[str, ...]] = ("story.access",)

    openai_api_key: SecretStr = SecretStr("")
    openai_base_url: str = _OPENAI
    anthropic_api_key: SecretStr = SecretStr("")
    gemini_api_key: SecretStr = SecretStr("")
    groq_api_key: SecretStr = SecretStr("")
    deepseek_api_key: SecretStr = SecretStr("")
    compatible_api_key: SecretStr = SecretStr("")
    content_moderator_config: str = "{}"
    story_model: str = "gpt-5-mini"
    checkout_plans: str = "pro,max"
    captcha_verify_url: str = ""
    captcha_secret: SecretStr = SecretStr("")
    group_permissions: dict[str, frozenset[str]] = Field(default_factory=lambda: {"admin": _ADMIN})

    @field_validator("content_moderator_config")
    @classmethod
    def read_moderator_config(cls, value: str) -> str:
        """Take the document from the file that it names, and refuse one that does not fit."""
        try:
            document = value if value.lstrip().startswith("{") else Path(value).read_text(encoding="utf-8")
        except OSError:
            raise ValueError("neither JSON nor a readable file") from None
        ModeratorConfig.model_validate_json(document)
        return document

    @property
    def moderator(self) -> ModeratorConfig:
        """The policy in force."""
        return ModeratorConfig.model_validate_json(self.content_moderator_config)

    @property
    def provider_keys(self) -> dict[str, str]:
        """The keys that are set, by the names that rows of story.providers give them; OpenAI's counts as set always."""
        others = ("anthropic_api_key", "gemini_api_key", "groq_api_key", "deepseek_api_key", "compatible_api_key")
        keys = {name.upper(): getattr(self, name).get_secret_value() for name in others}
        return {"OPENAI_API_KEY": self.openai_api_key.get_secret_value()} | {n: key for n, key in keys.items() if key}

    @property
    def plans(self) -> tuple[str, ...]:
        """The plans that a refused reader is sent to."""
        return tuple(plan.strip() for plan in self.checkout_plans.split(",") if plan.strip())

    def production_faults(self) -> dict[str, bool]:
        """Refuse a sandbox's addresses and a missing key."""
        return super().production_faults() | {
            "openai_api_key": not self.openai_api_key.get_secret_value(),
            "openai_base_url": not is_far_end(self.openai_base_url),
            "cognito_service_client_ids": not self.service_clients,
            "service_client_id": not self.service_client_id,
            "payment_base_url": is_local(self.payment_base_url),
            "captcha_verify_url": bool(self.captcha_verify_url) and not is_far_end(self.captcha_verify_url),
            "content_moderator_config": self.moderator.policy == "off",
        }
