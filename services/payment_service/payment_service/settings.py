"""The settings of payment_service."""

from typing import ClassVar

from pydantic import Field, SecretStr

from common_events.settings import EventSettings

_STRIPE = "https://api.stripe.com"
_LIVE_KEYS = ("sk_live_", "rk_live_")
_ADMIN = frozenset({"billing.read", "billing.write", "entitlements.write", "plans.write", "ops.read", "ops.write"})


class Settings(EventSettings):
    """`STRIPE_API_BASE` empty means Stripe itself. Both secrets and paths are comma lists.

    `GROUP_PERMISSIONS` is a JSON object: Cognito group -> permissions that this service asks for.
    """

    source: ClassVar[str] = "payment"
    consumers: ClassVar[tuple[str, ...]] = ("payment",)
    default_rates: ClassVar[dict[str, str]] = {
        "payment.open_checkout": "300/minute",
        "payment.open_portal": "300/minute",
        "payment.preview_change": "300/minute",
        "payment.change_subscription": "300/minute",
        "payment.withdraw_change": "300/minute",
        "payment.cancel_subscription": "300/minute",
        "payment.resume_subscription": "300/minute",
        "payment.validate_promo_code": "10/minute",
        "payment.list_plans_address": "3000/minute",
    }

    stripe_api_key: SecretStr
    stripe_api_base: str = ""
    stripe_webhook_secret: SecretStr = SecretStr("")
    allowed_return_paths: str = "/"
    grace_days: int = Field(default=7, ge=0, le=60)
    access_ttl_seconds: int = Field(default=30, ge=1, le=300)
    syncs_at_once: int = Field(default=8, ge=1, le=16)
    group_permissions: dict[str, frozenset[str]] = Field(default_factory=lambda: {"admin": _ADMIN})

    @property
    def webhook_secrets(self) -> list[str]:
        """The secrets that hold now: two while one is being replaced, none closes the endpoint."""
        return _listed(self.stripe_webhook_secret.get_secret_value())

    @property
    def return_paths(self) -> list[str]:
        """Below which paths people may come back."""
        return _listed(self.allowed_return_paths)

    @property
    def livemode(self) -> bool:
        """Whether this deployment takes real money."""
        return self.stripe_api_key.get_secret_value().startswith(_LIVE_KEYS)

    def production_faults(self) -> dict[str, bool]:
        """Add what production must know of Stripe."""
        secrets = self.webhook_secrets
        return super().production_faults() | {
            "stripe_api_key": not self.livemode,
            "stripe_api_base": self.stripe_api_base.rstrip("/") not in ("", _STRIPE),
            "cognito_service_client_ids": not self.service_clients,
            "stripe_webhook_secret": not secrets or not all(secret.startswith("whsec_") for secret in secrets),
        }


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
