"""Suspending and reinstating people, on behalf of an admin."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints

from common_auth.bearer import SERVICE, actor_header
from common_auth.callers import Callers, ServiceCaller
from common_auth.errors import NOT_PERMITTED
from common_service.instants import Instant
from user_service.api.problems import FACES
from user_service.api.schemas import Body
from user_service.api.use_cases import UseCases
from user_service.domain.errors import IdentityProviderUnavailable, OwnAccount, UnknownUser, UntilInPast, UserLeaving
from user_service.domain.profile import Profile, Status, UserId

_SCOPE, _ACTING = "user/admin", "users.write"
Reason = Annotated[str, StringConstraints(strict=True, min_length=5, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Suspend(Body):
    """Shut the person out."""

    status: Literal["suspended"]
    until: Instant | None = Field(default=None, description="When it ends by itself; for good, if not said.")
    reason: Reason


class Reinstate(Body):
    """Let the person in again."""

    status: Literal["active"]
    reason: Reason


class StandingView(BaseModel):
    """What the house lets a person do at all."""

    id: UUID
    status: Status
    until: datetime | None
    reason: str | None
    version: int

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """Show how a person stands."""
        return cls(
            id=profile.id,
            status=profile.status,
            until=profile.status_until,
            reason=profile.status_reason,
            version=profile.version,
        )


def status_routes(use_cases: UseCases, callers: Callers) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/internal/v1/users", tags=["internal"], dependencies=[SERVICE])

    @router.put(
        "/{user_id}/status",
        responses=FACES.responses(
            *NOT_PERMITTED, UnknownUser, UserLeaving, OwnAccount, UntilInPast, IdentityProviderUnavailable
        ),
        openapi_extra=actor_header(_ACTING),
    )
    async def change_user_status(
        caller: Annotated[ServiceCaller, Depends(callers.service(_SCOPE, acting=_ACTING))],
        user_id: UUID,
        body: Annotated[Suspend | Reinstate, Field(discriminator="status")],
    ) -> StandingView:
        """Suspend or reinstate somebody; repeating it changes nothing."""
        change = use_cases.change_status
        if isinstance(body, Suspend):
            if caller.actor is not None and caller.actor.user_id == user_id:
                raise OwnAccount
            return StandingView.of(await change.suspend(UserId(user_id), body.until, body.reason, "admin"))
        return StandingView.of(await change.reinstate(UserId(user_id), "admin"))

    return router
