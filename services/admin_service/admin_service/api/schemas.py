"""What goes over the wire. Documents of other services are theirs: objects here, described in their own contracts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel

from admin_service.application.list_users import ListedUser
from admin_service.application.read_user import Overview

AccessState = Literal["none", "pending", "trialing", "active", "grace", "delinquent", "paused", "ended"]


class UserItem(BaseModel):
    """A person in a list. `plan`, `access_state` and `entitled` are null until payment_service told of them."""

    id: UUID
    email: str | None
    display_name: str | None
    status: str
    registered_at: datetime | None
    plan: str | None
    access_state: str | None
    entitled: bool | None
    tokens_30d: int

    @classmethod
    def of(cls, user: ListedUser) -> Self:
        """Show a person."""
        entry = user.entry
        return cls(
            id=entry.user_id,
            email=entry.email,
            display_name=entry.display_name,
            status=entry.status,
            registered_at=entry.registered_at,
            plan=entry.plan_code,
            access_state=entry.access_state,
            entitled=entry.is_entitled,
            tokens_30d=user.tokens_30d,
        )


class OverviewView(BaseModel):
    """Everything about a person. `partial` names the sections whose service did not answer in time.

    A `profile` named there is what the index of people holds.
    """

    profile: dict[str, Any] | None
    access: dict[str, Any] | None
    billing: dict[str, Any] | None
    usage: dict[str, Any] | None
    partial: list[str]

    @classmethod
    def of(cls, overview: Overview) -> Self:
        """Show an overview."""
        return cls(
            profile=_plain(overview.profile),
            access=_plain(overview.access),
            billing=_plain(overview.billing),
            usage=_plain(overview.usage),
            partial=list(overview.partial),
        )


class RoleView(BaseModel):
    """A role and what it may do."""

    code: str
    permissions: list[str]


class RolesView(BaseModel):
    """The roles."""

    items: list[RoleView]

    @classmethod
    def of(cls, permissions: Mapping[str, frozenset[str]]) -> Self:
        """Show the policy."""
        return cls(
            items=[RoleView(code=code, permissions=sorted(names)) for code, names in sorted(permissions.items())]
        )


def _plain(document: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if document is None else dict(document)
