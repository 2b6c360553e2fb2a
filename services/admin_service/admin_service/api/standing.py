"""Suspending and reinstating people, at `/admin/v1/users/{id}/status`: user_service does it, this passes on."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from admin_service.api.passing import logged
from admin_service.api.problems import FACES
from admin_service.application.standing import Users
from admin_service.domain.errors import UnknownUser, UsersUnavailable
from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_auth.errors import NOT_PERMITTED
from common_service.instants import Instant
from common_service.problems import problem_response

Reason = Annotated[str, StringConstraints(strict=True, min_length=5, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
_REFUSED: dict[int | str, dict[str, Any]] = {
    **FACES.responses(*NOT_PERMITTED, UnknownUser, UsersUnavailable),
    409: problem_response(409, ["user_leaving", "own_account"]),
    422: problem_response(422, ["validation_failed", "until_in_past"]),
}


class Suspend(BaseModel):
    """Shut the person out."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["suspended"]
    until: Instant | None = Field(default=None, description="When it ends by itself; for good, if not said.")
    reason: Reason


class Reinstate(BaseModel):
    """Let the person in again."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["active"]
    reason: Reason


class StandingView(BaseModel):
    """What the house lets a person do at all."""

    id: UUID
    status: str
    until: datetime | None
    reason: str | None
    version: int


def standing_routes(users: Users, callers: Callers) -> APIRouter:
    """Return the route. What an admin did is logged with who it was, whatever user_service answered."""
    router = APIRouter(prefix="/admin/v1/users", tags=["users"], dependencies=[SIGNED_IN])
    writes = Depends(callers.admin("users.write"))

    @router.put("/{user_id}/status", response_model=StandingView, responses=_REFUSED)
    async def change_user_status(
        admin: Annotated[Person, writes],
        user_id: UUID,
        body: Annotated[Suspend | Reinstate, Field(discriminator="status")],
    ) -> Response:
        """Suspend or reinstate somebody: they are signed out everywhere, and what is sold is closed to them."""
        passed = await users.change_status(admin.token, user_id, body.model_dump(mode="json"))
        action = "users.suspend" if isinstance(body, Suspend) else "users.reinstate"
        return logged(action, admin, user_id, passed)

    return router
