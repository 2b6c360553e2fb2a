"""What may differ between two runs of a service, and what production refuses to start with."""

import os
import re
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from limits import RateLimitItem, parse
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from common_service.settings_guard import is_far_end, is_fit_database, is_fit_redis, is_local

__all__ = ["ServiceSettings", "is_far_end", "is_local"]
_MOST_A_WINDOW = 10_000  # every unit of a window is remembered
_LOCAL_REGION = "eu-west-2"
_AWS_ENDPOINT = "AWS_ENDPOINT_URL"  # also AWS_ENDPOINT_URL_SESV2 and its like: boto3 obeys all of them
_REAL_ISSUER = re.compile(r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[\w-]+")
_LOCAL_CURSOR_SECRET = "a secret for laptops only"  # noqa: S105 - production refuses it


class ServiceSettings(BaseSettings):
    """The settings that every service has; the names are those of the environment, in lower case.

    What the environment does not have comes from the secret that SECRETS_MANAGER_ID names, then from the parameters
    below SSM_PATH (data-model.md). Raises ValidationError, SettingsError, SettingsUnreadable; see `read_settings`.
    """

    default_rates: ClassVar[Mapping[str, str]] = {}
    """The rate limits of a service: rule -> rate, as `RATE_LIMITS` overrides them one by one (ADR 15)."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    app_env: Literal["local", "production"] = "local"
    host: str = "127.0.0.1"
    port: int = 8080
    shutdown_seconds: int = 3
    deregistration_seconds: float = Field(default=0.0, ge=0)
    log_format: Literal["json", "console"] = "json"
    log_level: str = "INFO"
    trace_exporter: Literal["none", "otlp", "xray"] = "none"
    trace_sampling_ratio: float = Field(default=1.0, ge=0, le=1)
    trace_otlp_endpoint: str = "http://127.0.0.1:4318/v1/traces"
    trace_xray_daemon: str = "127.0.0.1:2000"
    metrics_exporter: Literal["none", "emf"] = "none"
    database_url: SecretStr
    database_pool_size: int = 10
    redis_url: SecretStr
    aws_region: str = _LOCAL_REGION
    cognito_userpool_id: str = ""
    cognito_issuer: str
    cognito_jwks_url: str
    cognito_client_id: str
    cognito_service_client_ids: str = ""
    cognito_token_url: str = ""
    service_client_id: str = ""
    service_client_secret: SecretStr = SecretStr("")
    user_base_url: str = ""
    story_base_url: str = ""
    payment_base_url: str = ""
    access_timeout_seconds: float = Field(default=0.3, gt=0, le=5)
    trusted_hops: int = Field(default=1, ge=1, le=5)
    rate_limits: dict[str, str] = Field(default_factory=dict)
    public_web_origin: str = "http://127.0.0.1:8000"
    cursor_secret: SecretStr = Field(default=SecretStr(_LOCAL_CURSOR_SECRET), min_length=16)

    @property
    def reader_clients(self) -> frozenset[str]:
        """The app clients whose access tokens readers and admins carry."""
        return _names(self.cognito_client_id)

    @property
    def service_clients(self) -> frozenset[str]:
        """The app clients of our own services."""
        return _names(self.cognito_service_client_ids)

    @property
    def rates(self) -> dict[str, RateLimitItem]:
        """How often each rule of this service lets somebody through."""
        return {rule: parse(self.rate_limits.get(rule, rate)) for rule, rate in self.default_rates.items()}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the names are pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put AWS below the environment, where the environment asks for it; a laptop asks nobody."""
        return init_settings, env_settings, *_aws_sources(settings_cls)

    @model_validator(mode="after")
    def refuse_unknown_rates(self) -> Self:
        """Refuse a rule that nothing asks, and a rate that is none: `30/minute`, `5/10 seconds`."""
        for rule, rate in self.rate_limits.items():
            if rule not in self.default_rates:
                raise ValueError(f"RATE_LIMITS: there is no rule {rule}")
            if not 1 <= parse(rate).amount <= _MOST_A_WINDOW:
                raise ValueError(f"RATE_LIMITS: {rule} is not between 1 and {_MOST_A_WINDOW}")
        return self

    @model_validator(mode="after")
    def refuse_laptop_values_in_production(self) -> Self:
        """Name every setting that production must not run with (decisions.md 14)."""
        if self.app_env == "production":
            wrong = [name.upper() for name, is_wrong in self.production_faults().items() if is_wrong]
            if wrong:
                raise ValueError("; ".join(f"{name} is not fit for APP_ENV=production" for name in wrong))
        return self

    def production_faults(self) -> dict[str, bool]:
        """Tell for each guarded setting whether its value must not reach production; services add their own."""
        jwks = f"{self.cognito_issuer}/.well-known/jwks.json"
        bases = {name: getattr(self, name) for name in ("user_base_url", "story_base_url", "payment_base_url")}
        return {
            "cognito_issuer": not _REAL_ISSUER.fullmatch(self.cognito_issuer),
            "cognito_jwks_url": self.cognito_jwks_url != jwks,
            "cognito_userpool_id": bool(self.cognito_userpool_id)
            and not self.cognito_issuer.endswith(f"/{self.cognito_userpool_id}"),
            # a client in both lists would make a reader's token count as that of a service
            "cognito_client_id": not self.reader_clients or not self.reader_clients.isdisjoint(self.service_clients),
            "cognito_token_url": not is_far_end(self.cognito_token_url),
            "database_url": not is_fit_database(self.database_url.get_secret_value()),
            "redis_url": not is_fit_redis(self.redis_url.get_secret_value()),
            "service_client_secret": not self.service_client_secret.get_secret_value(),
            "cursor_secret": self.cursor_secret.get_secret_value() == _LOCAL_CURSOR_SECRET,
            "public_web_origin": not is_far_end(self.public_web_origin),
            # inside the private network names are resolved and encrypted below us: http:// is right there
            **{name: bool(url) and is_local(url) for name, url in bases.items()},
            **{name.lower(): not is_far_end(url) for name, url in os.environ.items() if name.startswith(_AWS_ENDPOINT)},
        }


def _aws_sources(settings: type[BaseSettings]) -> list[PydanticBaseSettingsSource]:
    secret_id, path = os.environ.get("SECRETS_MANAGER_ID"), os.environ.get("SSM_PATH")
    if not (secret_id or path):
        return []
    from common_service.settings_aws import ParameterStoreSource, SecretsManagerSource  # brings boto3

    region, sources = os.environ.get("AWS_REGION", _LOCAL_REGION), list[PydanticBaseSettingsSource]()
    if secret_id:
        sources.append(SecretsManagerSource(settings, secret_id, region))
    if path:
        sources.append(ParameterStoreSource(settings, path, region))
    return sources


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())
