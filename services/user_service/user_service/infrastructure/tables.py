"""The rows of the schema `users`, and their translation to the domain."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, DateTime, ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common_events.tables import messaging_tables
from common_service.tables import schema_metadata
from user_service.domain.consent import Consent, ConsentKind
from user_service.domain.profile import Profile, Status, UserId
from user_service.domain.reading_settings import ReadingSettings

INSTANT = DateTime(timezone=True)


class Row(DeclarativeBase):
    """The base of every row here."""

    metadata = schema_metadata("users")


MESSAGING = messaging_tables(Row.metadata)


def _owner() -> ForeignKey:
    return ForeignKey("users.users.id", ondelete="CASCADE")


class UserRow(Row):
    """A profile."""

    __tablename__ = "users"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    email_verified: Mapped[bool]
    display_name: Mapped[str | None] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text, server_default="en")
    country: Mapped[str | None] = mapped_column(CHAR(2))
    status: Mapped[str] = mapped_column(Text, server_default="active")
    status_until: Mapped[datetime | None] = mapped_column(INSTANT)
    status_reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(INSTANT)
    updated_at: Mapped[datetime] = mapped_column(INSTANT)
    __table_args__ = (
        CheckConstraint("length(display_name) <= 80", name="display_name_length"),
        CheckConstraint("status IN ('active','suspended','erasing','erased')", name="status_known"),
        CheckConstraint("status <> 'erased' OR (email IS NULL AND display_name IS NULL)", name="erased_is_empty"),
        CheckConstraint("status_until IS NULL OR status = 'suspended'", name="until_of_a_suspension"),
        CheckConstraint("version > 0", name="version_positive"),
        Index("ix_users_status_until", "status_until", postgresql_where=text("status_until IS NOT NULL")),
        Index("uq_users_email", text("lower(email)"), unique=True, postgresql_where=text("status <> 'erased'")),
    )

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """Return the row of a profile."""
        return cls(id=profile.id, created_at=profile.created_at, **cls.values(profile))

    @staticmethod
    def values(profile: Profile) -> dict[str, Any]:
        """Return the columns that a new version may change."""
        return {
            "username": profile.username,
            "email": profile.email,
            "email_verified": profile.email_verified,
            "display_name": profile.display_name,
            "locale": profile.locale,
            "country": profile.country,
            "status": profile.status.value,
            "status_until": profile.status_until,
            "status_reason": profile.status_reason,
            "version": profile.version,
            "updated_at": profile.updated_at,
        }

    def to_domain(self, consents: tuple[Consent, ...]) -> Profile:
        """Return the profile of this row."""
        return Profile(
            id=UserId(self.id),
            username=self.username,
            email=self.email,
            email_verified=self.email_verified,
            display_name=self.display_name,
            locale=self.locale,
            country=self.country,
            status=Status(self.status),
            status_until=self.status_until,
            status_reason=self.status_reason,
            consents=consents,
            version=self.version,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


class PendingSuspensionRow(Row):
    """Somebody whom their strikes shut out: the identity provider has still to be told, and then everybody."""

    __tablename__ = "pending_suspensions"
    user_id: Mapped[UUID] = mapped_column(_owner(), primary_key=True)
    until: Mapped[datetime] = mapped_column(INSTANT)
    due_at: Mapped[datetime] = mapped_column(INSTANT)


class IdentityRow(Row):
    """How somebody signs in."""

    __tablename__ = "identities"
    provider: Mapped[str] = mapped_column(Text, primary_key=True)
    provider_subject: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(_owner(), index=True)
    linked_at: Mapped[datetime] = mapped_column(INSTANT)


class ConsentRow(Row):
    """A consent, withdrawn or not."""

    __tablename__ = "consents"
    user_id: Mapped[UUID] = mapped_column(_owner(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[str] = mapped_column(Text, primary_key=True)
    given_at: Mapped[datetime] = mapped_column(INSTANT)
    withdrawn_at: Mapped[datetime | None] = mapped_column(INSTANT)
    __table_args__ = (
        CheckConstraint("kind IN ('adult','terms','marketing')", name="kind_known"),
        CheckConstraint("withdrawn_at >= given_at", name="withdrawn_after_given"),
    )

    @classmethod
    def of(cls, user_id: UserId, consent: Consent) -> Self:
        """Return the row of a consent."""
        return cls(
            user_id=user_id,
            kind=consent.kind.value,
            version=consent.version,
            given_at=consent.given_at,
            withdrawn_at=consent.withdrawn_at,
        )

    def to_domain(self) -> Consent:
        """Return the consent of this row."""
        return Consent(ConsentKind(self.kind), self.version, self.given_at, self.withdrawn_at)


class SettingsRow(Row):
    """How somebody wants to read."""

    __tablename__ = "user_settings"
    user_id: Mapped[UUID] = mapped_column(_owner(), primary_key=True)
    content_intensity: Mapped[int] = mapped_column(SmallInteger, server_default=text("2"))
    spoiler_safe: Mapped[bool] = mapped_column(server_default="false")
    memory_enabled: Mapped[bool] = mapped_column(server_default="true")
    prefs: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    version: Mapped[int] = mapped_column(server_default="1")
    updated_at: Mapped[datetime] = mapped_column(INSTANT)
    __table_args__ = (
        CheckConstraint("content_intensity BETWEEN 0 AND 3", name="content_intensity_range"),
        CheckConstraint("version > 0", name="version_positive"),
    )

    @staticmethod
    def values(settings: ReadingSettings) -> dict[str, Any]:
        """Return the columns of settings."""
        return {
            "content_intensity": settings.content_intensity,
            "spoiler_safe": settings.spoiler_safe,
            "memory_enabled": settings.memory_enabled,
            "prefs": dict(settings.preferences),
            "version": settings.version,
            "updated_at": settings.updated_at,
        }

    def to_domain(self) -> ReadingSettings:
        """Return the settings of this row."""
        return ReadingSettings(
            updated_at=self.updated_at,
            content_intensity=self.content_intensity,
            spoiler_safe=self.spoiler_safe,
            memory_enabled=self.memory_enabled,
            preferences=self.prefs,
            version=self.version,
        )


class RoleRow(Row):
    """A role, given by a Cognito group."""

    __tablename__ = "roles"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    description: Mapped[str] = mapped_column(Text)
    cognito_group: Mapped[str] = mapped_column(Text, unique=True)
    is_system: Mapped[bool] = mapped_column(server_default="true")


class PermissionRow(Row):
    """Something that an admin may do."""

    __tablename__ = "permissions"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    description: Mapped[str] = mapped_column(Text)


class RolePermissionRow(Row):
    """A permission of a role."""

    __tablename__ = "role_permissions"
    role: Mapped[str] = mapped_column(ForeignKey("users.roles.code", ondelete="CASCADE"), primary_key=True)
    permission: Mapped[str] = mapped_column(ForeignKey("users.permissions.code", ondelete="CASCADE"), primary_key=True)
