"""What may differ between two runs of a service, and what production refuses to start with."""

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_REAL_ISSUER = re.compile(r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[\w-]+")
_LOCAL_CURSOR_SECRET = "a secret for laptops only"  # noqa: S105 - production refuses it


class ServiceSettings(BaseSettings):
    """The settings that every service has; the names are those of the environment, in lower case."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    app_env: Literal["local", "production"] = "local"
    host: str = "127.0.0.1"
    port: int = 8080
    shutdown_seconds: int = 3
    log_format: Literal["json", "console"] = "json"
    log_level: str = "INFO"
    trace_exporter: Literal["none", "otlp", "xray"] = "none"
    trace_sampling_ratio: float = Field(default=1.0, ge=0, le=1)
    trace_otlp_endpoint: str = "http://127.0.0.1:4318/v1/traces"
    trace_xray_daemon: str = "127.0.0.1:2000"
    database_url: SecretStr
    database_pool_size: int = 10
    redis_url: SecretStr
    aws_region: str = "eu-west-2"
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

    @model_validator(mode="after")
    def refuse_laptop_values_in_production(self) -> Self:
        """Name the first setting that production must not run with (decisions.md 14)."""
        if self.app_env == "production":
            for name, is_wrong in self.production_faults().items():
                if is_wrong:
                    raise ValueError(f"{name.upper()} is not fit for APP_ENV=production")
        return self

    def production_faults(self) -> dict[str, bool]:
        """Tell for each guarded setting whether its value must not reach production; services add their own."""
        jwks = f"{self.cognito_issuer}/.well-known/jwks.json"
        return {
            "cognito_issuer": not _REAL_ISSUER.fullmatch(self.cognito_issuer),
            "cognito_jwks_url": self.cognito_jwks_url != jwks,
            "cognito_token_url": is_local(self.cognito_token_url),
            "database_url": is_local(self.database_url.get_secret_value()),
            "redis_url": is_local(self.redis_url.get_secret_value()),
            "service_client_secret": not self.service_client_secret.get_secret_value(),
            "cursor_secret": self.cursor_secret.get_secret_value() == _LOCAL_CURSOR_SECRET,
            "public_web_origin": not self.public_web_origin.startswith("https://"),
        }


def is_local(url: str) -> bool:
    """Tell whether an address is missing or lies on this machine."""
    return not url or any(host in url for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0"))  # noqa: S104 - compared


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())
