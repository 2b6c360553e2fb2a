"""What people are told, and what they want to be told, at `/user/v1/me`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_auth.errors import NOT_SIGNED_IN
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor
from user_service.api.notice_schemas import (
    NotificationView,
    PreferencesBody,
    PreferencesView,
    ReadBefore,
    ReadThese,
)
from user_service.api.problems import FACES
from user_service.api.use_cases import UseCases
from user_service.application.notice_ports import Behind
from user_service.domain.errors import NotProvisioned
from user_service.domain.notification import Notification
from user_service.domain.profile import UserId

_LIST = "notifications"


def notice_routes(use_cases: UseCases, callers: Callers, cursors: Cursors) -> APIRouter:
    """Return the routes of the signed-in person."""
    router = APIRouter(prefix="/user/v1/me", tags=["notifications"], dependencies=[SIGNED_IN])
    _add_list(router, use_cases, callers, cursors)
    _add_preferences(router, use_cases, callers)
    return router


def _add_list(router: APIRouter, use_cases: UseCases, callers: Callers, cursors: Cursors) -> None:
    signed_in = Depends(callers.reader)

    @router.get("/notifications", responses=FACES.responses(*NOT_SIGNED_IN, BadCursor))
    async def list_my_notifications(
        reader: Annotated[Person, signed_in],
        unread: Annotated[bool, Query(description="Only those that are not read.")] = False,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[NotificationView]:
        """List the caller's notifications, the youngest first."""
        behind = _place(cursors, cursor)
        found = await use_cases.read_notifications(UserId(reader.user_id), limit + 1, behind, only_unread=unread)
        items = [NotificationView.of(each) for each in found[:limit]]
        more = len(found) > limit
        return Page(items=items, next_cursor=_cursor(cursors, found[limit - 1]) if more else None)

    @router.post("/notifications/read", status_code=204, responses=FACES.responses(*NOT_SIGNED_IN))
    async def read_my_notifications(reader: Annotated[Person, signed_in], body: ReadThese | ReadBefore) -> None:
        """Mark notifications as read: some, or all up to a moment. What is not the caller's is passed over."""
        if isinstance(body, ReadThese):
            await use_cases.mark_read.these(UserId(reader.user_id), body.ids)
        else:
            await use_cases.mark_read.before(UserId(reader.user_id), body.before)


def _add_preferences(router: APIRouter, use_cases: UseCases, callers: Callers) -> None:
    signed_in = Depends(callers.reader)

    @router.get("/notification-preferences", responses=FACES.responses(*NOT_SIGNED_IN, NotProvisioned))
    async def read_my_notification_preferences(reader: Annotated[Person, signed_in]) -> PreferencesView:
        """Read by which channels the caller wants each kind of notice."""
        return PreferencesView.of(await use_cases.choose_notices.read(UserId(reader.user_id)))

    @router.put("/notification-preferences", responses=FACES.responses(*NOT_SIGNED_IN, NotProvisioned))
    async def replace_my_notification_preferences(
        reader: Annotated[Person, signed_in], body: PreferencesBody
    ) -> PreferencesView:
        """Replace the choices; a kind that is left out goes back to what is usual."""
        return PreferencesView.of(await use_cases.choose_notices.replace(UserId(reader.user_id), body.to_domain()))


def _cursor(cursors: Cursors, last: Notification) -> str:
    return cursors.make({"at": last.created_at.isoformat(), "id": str(last.id)}, of=_LIST)


def _place(cursors: Cursors, cursor: str | None) -> Behind | None:
    place = cursors.read(cursor, of=_LIST)
    return None if place is None else Behind(datetime.fromisoformat(place["at"]), UUID(place["id"]))
