"""The stores over Postgres, and the work that holds them together."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from common_service.database import SqlWork
from user_service.application.notice_ports import Messages, NoticeChoices, Notifications
from user_service.application.ports import Events, PendingSuspensions, Profiles, Roles, Search, SettingsBook
from user_service.domain.consent import Consent
from user_service.domain.errors import EmailInUse
from user_service.domain.identity import COGNITO
from user_service.domain.profile import Profile, UserId
from user_service.domain.reading_settings import ReadingSettings
from user_service.domain.role import Role
from user_service.infrastructure.facts import SqlEvents
from user_service.infrastructure.notice_repositories import SqlMessages, SqlNoticeChoices, SqlNotifications
from user_service.infrastructure.suspension_repository import SqlPendingSuspensions
from user_service.infrastructure.tables import (
    ConsentRow,
    IdentityRow,
    RolePermissionRow,
    RoleRow,
    SettingsRow,
    UserRow,
)


class SqlProfiles:
    """Profiles in `users.users`, with their consents and identities."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, profile: Profile) -> bool:
        """Insert under every unique index at once: two first calls of one person must not meet as an error."""
        values = {"id": profile.id, "created_at": profile.created_at, **UserRow.values(profile)}
        statement = insert(UserRow).values(values).on_conflict_do_nothing().returning(UserRow.id)
        if (await self._session.execute(statement)).first() is None:
            return False
        self._session.add(
            IdentityRow(
                provider=COGNITO,
                provider_subject=str(profile.id),
                user_id=profile.id,
                linked_at=profile.created_at,
            )
        )
        self._session.add_all(ConsentRow.of(profile.id, consent) for consent in profile.consents)
        await self._session.flush()
        return True

    async def of(self, user_id: UserId, *, for_update: bool = False) -> Profile | None:
        """Read the row, and lock it where it is to be changed."""
        row = await self._session.get(UserRow, user_id, with_for_update=for_update or None, populate_existing=True)
        return None if row is None else row.to_domain((await self._consents([user_id]))[user_id])

    async def save(self, profile: Profile) -> None:
        """Change the loaded row; consents are replaced whole."""
        row = await self._session.get_one(UserRow, profile.id)
        for name, value in UserRow.values(profile).items():
            setattr(row, name, value)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if _constraint(error) == "uq_users_email":
                raise EmailInUse from None
            raise
        await self._session.execute(delete(ConsentRow).where(ConsentRow.user_id == profile.id))
        self._session.add_all(ConsentRow.of(profile.id, consent) for consent in profile.consents)

    async def find(self, search: Search) -> Sequence[Profile]:
        """Read one page by id."""
        query = select(UserRow).order_by(UserRow.id).limit(search.limit)
        if search.email is not None:
            query = query.where(func.lower(UserRow.email) == func.lower(search.email))
        if search.status is not None:
            query = query.where(UserRow.status == search.status.value)
        if search.after is not None:
            query = query.where(UserRow.id > search.after)
        rows = (await self._session.scalars(query)).all()
        consents = await self._consents([row.id for row in rows])
        return [row.to_domain(consents[row.id]) for row in rows]

    async def overdue(self, now: datetime, limit: int) -> Sequence[UserId]:
        """Read whose suspension was to end."""
        query = select(UserRow.id).where(UserRow.status_until <= now).order_by(UserRow.status_until).limit(limit)
        return [UserId(user_id) for user_id in await self._session.scalars(query)]

    async def _consents(self, user_ids: Sequence[UUID]) -> dict[UUID, tuple[Consent, ...]]:
        query = select(ConsentRow).where(ConsentRow.user_id.in_(user_ids))
        found: dict[UUID, list[Consent]] = defaultdict(list)
        for row in await self._session.scalars(query):
            found[row.user_id].append(row.to_domain())
        return defaultdict(tuple, {user_id: tuple(sorted(consents)) for user_id, consents in found.items()})


class SqlSettingsBook:
    """Settings in `users.user_settings`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, user_id: UserId, *, for_update: bool = False) -> ReadingSettings | None:
        """Read the row, and lock it where it is to be changed."""
        row = await self._session.get(SettingsRow, user_id, with_for_update=for_update or None, populate_existing=True)
        return None if row is None else row.to_domain()

    async def save(self, user_id: UserId, settings: ReadingSettings) -> None:
        """Insert or replace the row."""
        values = SettingsRow.values(settings)
        statement = insert(SettingsRow).values(user_id=user_id, **values)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))


class SqlRoles:
    """The policy in `users.roles` and `users.role_permissions`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_groups(self, groups: Sequence[str]) -> Sequence[Role]:
        """Read the roles of the groups with their permissions."""
        query = (
            select(RoleRow.code, RolePermissionRow.permission)
            .join_from(RoleRow, RolePermissionRow, RolePermissionRow.role == RoleRow.code, isouter=True)
            .where(RoleRow.cognito_group.in_(groups))
            .order_by(RoleRow.code)
        )
        permissions: dict[str, set[str]] = {}
        for code, permission in await self._session.execute(query):
            permissions.setdefault(code, set()).update([permission] if permission else [])
        return [Role(code, frozenset(names)) for code, names in permissions.items()]


class SqlUserWork(SqlWork):
    """One transaction over the schema `users`."""

    profiles: Profiles
    suspensions: PendingSuspensions
    settings: SettingsBook
    roles: Roles
    events: Events
    notifications: Notifications
    choices: NoticeChoices
    messages: Messages

    def open(self, session: AsyncSession) -> None:
        """Hang every store on the session."""
        self.profiles = SqlProfiles(session)
        self.suspensions = SqlPendingSuspensions(session)
        self.settings = SqlSettingsBook(session)
        self.roles = SqlRoles(session)
        self.events = SqlEvents(session)
        self.notifications = SqlNotifications(session)
        self.choices = SqlNoticeChoices(session)
        self.messages = SqlMessages(session)


def _constraint(error: IntegrityError) -> str | None:
    diagnostics = getattr(error.orig, "diag", None)
    name: str | None = getattr(diagnostics, "constraint_name", None)
    return name
