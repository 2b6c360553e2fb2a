"""The settings of user_service: those of every service, and the policy of its admins."""

from typing import ClassVar

from pydantic import Field

from common_events.pruning import INBOX_KEPT
from common_events.settings import EventSettings

_ADMIN = frozenset({"users.read", "users.write", "ops.read", "ops.write"})
_SENDER = "TrueCrime <no-reply@truecrime.test>"


class Settings(EventSettings):
    """`GROUP_PERMISSIONS` is a JSON object: Cognito group -> permissions that this service asks for."""

    source: ClassVar[str] = "user"
    consumers: ClassVar[tuple[str, ...]] = ("user",)
    default_rates: ClassVar[dict[str, str]] = {
        "user.provision_me": "300/minute",
        "user.provision_me_address": "3000/minute",
    }

    mail_sender: str = _SENDER
    strike_suspension_days: int = Field(default=30, ge=1, le=366)
    notices_kept_days: int = Field(default=180, gt=INBOX_KEPT.days, le=3660)
    group_permissions: dict[str, frozenset[str]] = Field(default_factory=lambda: {"admin": _ADMIN})

    @property
    def pool_id(self) -> str:
        """The user pool: the issuer's last part, where it is not named."""
        return self.cognito_userpool_id or self.cognito_issuer.rpartition("/")[2]

    def production_faults(self) -> dict[str, bool]:
        """Guard whom the internal routes let in and in whose name e-mail goes out."""
        return super().production_faults() | {
            "cognito_service_client_ids": not self.service_clients,
            "mail_sender": self.mail_sender == _SENDER or "@" not in self.mail_sender,
        }
