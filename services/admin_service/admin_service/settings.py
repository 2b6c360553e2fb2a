"""The settings of admin_service: those of every service, and the policy of its admins."""

from typing import ClassVar

from pydantic import Field

from common_events.settings import EventSettings
from common_service.settings import is_local

_ADMIN = frozenset(
    {
        *("users.read", "users.write", "roles.write"),
        *("billing.read", "billing.write", "entitlements.write", "plans.write"),
        *("settings.read", "settings.write", "metrics.read", "audit.read", "logs.read"),
        *("alerts.read", "alerts.write", "ops.read", "ops.write"),
        *("moderation.read", "moderation.write", "privacy.read", "privacy.write"),
    }
)


class Settings(EventSettings):
    """`GROUP_PERMISSIONS` is a JSON object: Cognito group -> permissions."""

    consumers: ClassVar[tuple[str, ...]] = ("admin",)

    group_permissions: dict[str, frozenset[str]] = Field(default_factory=lambda: {"admin": _ADMIN})

    def production_faults(self) -> dict[str, bool]:
        """Guard the addresses that every admin's answer is made from."""
        needed = {
            name: is_local(getattr(self, name)) for name in ("user_base_url", "story_base_url", "payment_base_url")
        }
        return super().production_faults() | needed | {"service_client_id": not self.service_client_id}
