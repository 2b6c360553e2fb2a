"""What the user pool remembers. People sign in by e-mail; their username is their `sub`, as in such pools of AWS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

POOL_ID = "eu-west-2_TrueCrime"
SELF_SERVICE = "aws.cognito.signin.user.admin"


class Status(StrEnum):
    """The states of a user that this pool knows."""

    UNCONFIRMED = "UNCONFIRMED"
    CONFIRMED = "CONFIRMED"
    FORCE_CHANGE_PASSWORD = "FORCE_CHANGE_PASSWORD"  # noqa: S105 - a state's name


@dataclass(frozen=True, slots=True)
class ConfirmationCode:
    """Six digits that were mailed; wrong guesses are counted."""

    digits: str
    expires_at: datetime
    wrong_guesses: int = 0


@dataclass(frozen=True, slots=True)
class User:
    """A person of the pool. `password` is a scrypt text, empty where none was ever set."""

    username: str
    email: str
    password: str
    status: Status
    created_at: datetime
    modified_at: datetime
    email_verified: bool = False
    enabled: bool = True
    groups: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    code: ConfirmationCode | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the pool; the lowest precedence comes first."""

    name: str
    created_at: datetime
    description: str = ""
    precedence: int | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """An app client. One with a secret is a service (client credentials), one without signs people in (PKCE)."""

    client_id: str
    scopes: tuple[str, ...]
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """One sign-in: its refresh token works, and its access tokens are accepted here, for as long as this is kept."""

    origin_jti: str
    secret_hash: str
    username: str
    client_id: str
    scopes: tuple[str, ...]
    signed_in_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser that has signed in on the login page, kept by the hash of its cookie."""

    key: str
    username: str
    signed_in_at: datetime
    expires_at: datetime
