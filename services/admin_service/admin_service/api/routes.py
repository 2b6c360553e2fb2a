"""What admins see, at `/admin/v1`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from admin_service.api.problems import FACES
from admin_service.api.schemas import AccessState, OverviewView, RolesView, UserItem
from admin_service.application.list_users import ListUsers
from admin_service.application.ports import Position, Search
from admin_service.application.read_user import ReadUser
from admin_service.domain.errors import UnknownUser
from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_auth.errors import NOT_PERMITTED
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor

Beginning = Annotated[
    str | None,
    Query(min_length=1, max_length=100, pattern=r"^[^\x00]+$", description="How the e-mail address or name begins."),
]
Plan = Annotated[str | None, Query(max_length=40, pattern="^[a-z][a-z0-9_]*$")]


@dataclass(frozen=True, slots=True)
class UseCases:
    """The use cases of this service."""

    list_users: ListUsers
    read_user: ReadUser


def admin_routes(
    use_cases: UseCases, callers: Callers, cursors: Cursors, permissions: Mapping[str, frozenset[str]]
) -> APIRouter:
    """Return the routes of admins."""
    router = APIRouter(prefix="/admin/v1", tags=["admin"], dependencies=[SIGNED_IN])
    may_read_users = Depends(callers.admin("users.read"))

    @router.get("/users", dependencies=[may_read_users], responses=FACES.responses(*NOT_PERMITTED, BadCursor))
    async def list_users(
        q: Beginning = None,
        plan: Plan = None,
        state: AccessState | None = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[UserItem]:
        """Find people, the newest first."""
        after = _position(cursors, cursor)
        found = await use_cases.list_users(Search(limit + 1, q, plan, state, after))
        shown, more = found[:limit], len(found) > limit
        last = shown[-1].entry if more else None
        place = last and {"at": last.first_seen_at.isoformat(), "id": str(last.user_id)}
        return Page(items=[UserItem.of(user) for user in shown], next_cursor=cursors.make(place) if place else None)

    @router.get("/users/{user_id}", responses=FACES.responses(*NOT_PERMITTED, UnknownUser))
    async def read_user(admin: Annotated[Person, may_read_users], user_id: UUID) -> OverviewView:
        """Read everything about one person; a service that does not answer within 2 s is named in `partial`."""
        return OverviewView.of(await use_cases.read_user(user_id, admin.token))

    @router.get("/roles", dependencies=[may_read_users], responses=FACES.responses(*NOT_PERMITTED))
    async def list_roles() -> RolesView:
        """List the roles and what each may do."""
        return RolesView.of(permissions)

    return router


def _position(cursors: Cursors, cursor: str | None) -> Position | None:
    place = cursors.read(cursor)
    return None if place is None else Position(datetime.fromisoformat(place["at"]), UUID(place["id"]))
