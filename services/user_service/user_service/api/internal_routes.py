"""Profiles for our own services, and for the admin who may stand behind the call."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from common_auth.bearer import SERVICE, actor_header
from common_auth.callers import Callers, ServiceCaller
from common_auth.errors import NOT_PERMITTED
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor
from user_service.api.problems import FACES
from user_service.api.schemas import ProfileView
from user_service.api.use_cases import UseCases
from user_service.application.ports import Search
from user_service.domain.errors import UnknownUser
from user_service.domain.profile import Status, UserId

_SCOPE, _ACTING = "user/read", "users.read"
Email = Annotated[str | None, Query(min_length=3, max_length=254, pattern=r"^[^\x00]+$")]


def internal_routes(use_cases: UseCases, callers: Callers, cursors: Cursors) -> APIRouter:
    """Return the routes that only services reach."""
    router = APIRouter(prefix="/internal/v1/users", tags=["internal"], dependencies=[SERVICE])
    plain, acting = callers.service(_SCOPE), callers.service(_SCOPE, acting=_ACTING)

    async def service(request: Request) -> ServiceCaller:
        """Verify the admin too, where one is named."""
        return await (acting if "x-actor-token" in request.headers else plain)(request)

    @router.get(
        "/{user_id}",
        dependencies=[Depends(service)],
        responses=FACES.responses(*NOT_PERMITTED, UnknownUser),
        openapi_extra=actor_header(_ACTING, required=False),
    )
    async def read_user(user_id: UUID) -> ProfileView:
        """Read one profile."""
        return ProfileView.of(await use_cases.read_user(UserId(user_id)))

    @router.get(
        "",
        dependencies=[Depends(service)],
        responses=FACES.responses(*NOT_PERMITTED, BadCursor),
        openapi_extra=actor_header(_ACTING, required=False),
    )
    async def find_users(
        email: Email = None, status: Status | None = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[ProfileView]:
        """Find profiles by address or status, in the order of their ids."""
        position = cursors.read(cursor)
        after = None if position is None else UserId(UUID(position["after"]))
        found = await use_cases.find_users(Search(limit + 1, email, status, after))
        items = [ProfileView.of(profile) for profile in found[:limit]]
        more = len(found) > limit
        return Page(items=items, next_cursor=cursors.make({"after": str(items[-1].id)}) if more else None)

    return router
