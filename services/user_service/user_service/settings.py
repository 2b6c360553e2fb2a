"""The settings of user_service: those of every service, and the policy of its admins."""

from typing import ClassVar

from pydantic import Field

from common_events.settings import EventSettings

_ADMIN = frozenset({"users.read"})


class Settings(EventSettings):
    """`GROUP_PERMISSIONS` is a JSON object: Cognito group -> permissions that this service asks for."""

    source: ClassVar[str] = "user"
    default_rates: ClassVar[dict[str, str]] = {
        "user.provision_me": "300/minute",
        "user.provision_me_address": "3000/minute",
    }

    group_permissions: dict[str, frozenset[str]] = Field(default_factory=lambda: {"admin": _ADMIN})

    def production_faults(self) -> dict[str, bool]:
        """Guard whom the internal routes let in."""
        return super().production_faults() | {"cognito_service_client_ids": not self.service_clients}
