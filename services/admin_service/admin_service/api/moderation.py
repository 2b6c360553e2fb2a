"""The moderation desk for admins, at `/admin/v1/moderation/cases`: story_service decides, this passes on."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from admin_service.api.passing import answered, logged
from admin_service.api.problems import FACES
from admin_service.application.moderation import Desk
from admin_service.domain.errors import DeskUnavailable
from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_auth.errors import NOT_PERMITTED
from common_service.idempotency import IdempotencyKey
from common_service.pagination import Cursor, Limit
from common_service.problems import problem_response

KindName = Literal["flag", "report", "appeal", "takedown"]
StateName = Literal["open", "in_review", "upheld", "overturned", "dismissed", "withdrawn"]
ReasonCode = Annotated[str, StringConstraints(strict=True, max_length=64, pattern=r"^[a-z][a-z_/-]*$")]
Words = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=4000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
]
Case = dict[str, Any]
_REFUSED: dict[int | str, dict[str, Any]] = {
    **FACES.responses(*NOT_PERMITTED, DeskUnavailable),
    404: problem_response(404, ["not_found"]),
    409: problem_response(409, ["already_resolved", "already_assigned", "not_assigned", "same_reviewer"]),
    422: problem_response(422, ["validation_failed", "verdict_unfit", "reason_required", "idempotency_key_reused"]),
}


class DecisionIn(BaseModel):
    """What a reviewer decides; the statement is for the person concerned to read."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["allow", "block", "restore"]
    reason_codes: Annotated[list[ReasonCode], Field(max_length=10)] = Field(default_factory=list)
    statement: Words


def moderation_routes(desk: Desk, callers: Callers) -> APIRouter:
    """Return the routes. What an admin did is logged with who it was, whatever the desk answered."""
    router = APIRouter(prefix="/admin/v1/moderation/cases", tags=["moderation"], dependencies=[SIGNED_IN])
    reads, writes = Depends(callers.admin("moderation.read")), Depends(callers.admin("moderation.write"))

    @router.get("", response_model=Case, responses={**_REFUSED, 422: problem_response(422, ["cursor_invalid"])})
    async def list_moderation_cases(
        admin: Annotated[Person, reads],
        kind: KindName | None = None,
        state: Annotated[StateName | None, Query(description="Open and in review, unless named.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """List the queue, what is due first."""
        wanted = {"kind": kind, "state": state, "limit": str(limit), "cursor": cursor}
        return answered(await desk.queue(admin.token, {name: value for name, value in wanted.items() if value}))

    @router.post("/{case_id:uuid}/assign", response_model=Case, responses=_REFUSED)
    async def assign_moderation_case(admin: Annotated[Person, writes], case_id: UUID) -> Response:
        """Take a case: it is decided by who took it."""
        return logged("moderation.assign", admin, case_id, await desk.assign(admin.token, case_id))

    @router.post("/{case_id:uuid}/decision", response_model=Case, responses=_REFUSED)
    async def decide_moderation_case(
        admin: Annotated[Person, writes], case_id: UUID, body: DecisionIn, key: IdempotencyKey
    ) -> Response:
        """Decide a case that one has taken."""
        passed = await desk.decide(admin.token, case_id, key, body.model_dump())
        return logged("moderation.decide", admin, case_id, passed)

    return router
