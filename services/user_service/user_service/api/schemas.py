"""What goes over the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr, StringConstraints
from pydantic.config import JsonDict

from user_service.domain.consent import Consent, ConsentKind
from user_service.domain.profile import Profile, ProfileEdit, Status
from user_service.domain.reading_settings import Preference, ReadingSettings
from user_service.domain.role import Role

_PLAIN = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
_JWT = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"
_LARGEST_INTEGER = 2**53 - 1

DisplayName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=80, pattern=_PLAIN)]
Locale = Annotated[str, StringConstraints(strict=True, max_length=6, pattern="^[a-z]{2,3}(-[A-Z]{2})?$")]
Country = Annotated[str, StringConstraints(strict=True, max_length=2, pattern="^[A-Z]{2}$")]
TextVersion = Annotated[str, StringConstraints(strict=True, max_length=40, pattern="^[A-Za-z0-9._-]+$")]
PreferenceName = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_.-]{0,63}$")]


def _whole(value: object) -> object:
    """Read 2.0 as 2: in JSON Schema that is an integer too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_WHOLE = BeforeValidator(_whole)
PreferenceValue = (
    StrictBool
    | Annotated[StrictInt, Field(ge=-_LARGEST_INTEGER, le=_LARGEST_INTEGER), _WHOLE]
    | Annotated[StrictStr, Field(max_length=500, pattern=r"^[^\x00]*$")]
)


class Body(BaseModel):
    """A request body: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid")


def _without_default(schema: JsonDict) -> None:
    schema.pop("default", None)


class Provision(Body):
    """The proof of who is calling."""

    id_token: Annotated[str, StringConstraints(strict=True, max_length=16_384, pattern=_JWT)] = Field(
        description="The id token of the same sign-in as the access token."
    )


class ProfilePatch(Body):
    """What changes; what is absent stays."""

    display_name: DisplayName | None = Field(default=None, json_schema_extra=_without_default)
    locale: Locale = Field(default="en", json_schema_extra=_without_default)
    country: Country | None = Field(default=None, json_schema_extra=_without_default)

    def edit(self) -> ProfileEdit:
        """Return what was sent."""
        edit: ProfileEdit = {}
        if "display_name" in self.model_fields_set:
            edit["display_name"] = self.display_name
        if "locale" in self.model_fields_set:
            edit["locale"] = self.locale
        if "country" in self.model_fields_set:
            edit["country"] = self.country
        return edit


class ConsentBody(Body):
    """Whether the person agrees to that version of the text."""

    given: StrictBool
    version: TextVersion


class ConsentView(BaseModel):
    """A consent; `withdrawn_at` is null while it holds."""

    kind: ConsentKind
    version: str
    given_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, consent: Consent) -> Self:
        """Show a consent."""
        return cls(
            kind=consent.kind,
            version=consent.version,
            given_at=consent.given_at,
            withdrawn_at=consent.withdrawn_at,
        )


class ProfileView(BaseModel):
    """A person."""

    id: UUID
    username: str
    email: str | None
    email_verified: bool
    display_name: str | None
    locale: str
    country: str | None
    status: Status
    consents: list[ConsentView]
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """Show a profile."""
        return cls(
            id=profile.id,
            username=profile.username,
            email=profile.email,
            email_verified=profile.email_verified,
            display_name=profile.display_name,
            locale=profile.locale,
            country=profile.country,
            status=profile.status,
            consents=[ConsentView.of(consent) for consent in profile.consents],
            version=profile.version,
            created_at=profile.created_at,
            updated_at=profile.updated_at,
        )


class SettingsBody(Body):
    """All settings: what is left out goes back to its default."""

    content_intensity: Annotated[StrictInt, Field(ge=0, le=3), _WHOLE] = 2
    spoiler_safe: StrictBool = False
    memory_enabled: StrictBool = True
    prefs: dict[PreferenceName, PreferenceValue] = Field(
        default_factory=dict, max_length=50, json_schema_extra={"additionalProperties": False}
    )

    def to_domain(self, now: datetime) -> ReadingSettings:
        """Return the settings as wanted at `now`."""
        return ReadingSettings(now, self.content_intensity, self.spoiler_safe, self.memory_enabled, self.prefs)


class SettingsView(BaseModel):
    """How the person wants to read."""

    content_intensity: int
    spoiler_safe: bool
    memory_enabled: bool
    prefs: dict[str, Preference]
    version: int
    updated_at: datetime

    @classmethod
    def of(cls, settings: ReadingSettings) -> Self:
        """Show settings."""
        return cls(
            content_intensity=settings.content_intensity,
            spoiler_safe=settings.spoiler_safe,
            memory_enabled=settings.memory_enabled,
            prefs=dict(settings.preferences),
            version=settings.version,
            updated_at=settings.updated_at,
        )


class PermissionsView(BaseModel):
    """What the caller may do."""

    roles: list[str]
    permissions: list[str]

    @classmethod
    def of(cls, roles: Sequence[Role]) -> Self:
        """Show the union of what the roles allow."""
        permissions = frozenset[str]().union(*(role.permissions for role in roles))
        return cls(roles=[role.code for role in roles], permissions=sorted(permissions))
