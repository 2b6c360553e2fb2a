"""What an admin gives back of what a reader was charged."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field, StrictInt, StringConstraints

from common_auth.bearer import SERVICE
from common_auth.callers import Callers, ServiceCaller
from common_auth.errors import Forbidden
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused, request_hash
from story_service.api.numbers import WHOLE
from story_service.api.paid import REPLAYED, replay
from story_service.api.problems import ANY_SERVICE, FACES, GATED
from story_service.api.schemas import Wire
from story_service.api.usage_schemas import LedgerEntryOut
from story_service.application.adjusting.adjust_usage import Adjustment, AdjustUsage
from story_service.application.attempts import AttemptKey
from story_service.domain import errors
from story_service.domain.ids import UserId
from story_service.domain.ledger import LedgerEntry

_MOST = 2**53 - 1
_REFUSED = (*GATED, errors.MeterUnknown, errors.MoreThanSettled, IdempotencyKeyReused, IdempotencyInProgress)


class AdjustmentIn(Wire):
    """What is to be given back of what was charged in the window that counts now. The reader can read the reason.

    It stays in the ledger for good, so it should name nobody. Units of a grant are given back as another grant.
    """

    meter: Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z]+(\.[a-z]+)*$", max_length=64)]
    amount: Annotated[StrictInt, Field(ge=1, le=_MOST), WHOLE]
    reason: Annotated[str, StringConstraints(strict=True, min_length=5, max_length=500, pattern=r"^[^\x00]*$")]


def adjustment_routes(adjust: AdjustUsage, callers: Callers) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/internal/v1", tags=["internal"], dependencies=[SERVICE])
    admin = Depends(callers.service("story/admin", acting="billing.write"))
    made: dict[int | str, dict[str, Any]] = {201: {"headers": REPLAYED}}

    @router.post(
        "/ledger/{user_id}/adjustments",
        status_code=201,
        response_model=LedgerEntryOut,
        responses={**made, **FACES.responses(*ANY_SERVICE, *_REFUSED)},
    )
    async def adjust_user_ledger(
        caller: Annotated[ServiceCaller, admin], user_id: UUID, body: AdjustmentIn, key: IdempotencyKey
    ) -> Response:
        """Give back what a reader was charged in the current window: an entry of its own in the ledger."""
        if caller.actor is None:
            raise Forbidden
        wish = Adjustment(UserId(user_id), body.meter, body.amount, body.reason)
        attempt = AttemptKey(key, request_hash({"user_id": str(user_id), **body.model_dump()}))
        document, replayed = await adjust(caller.actor.user_id, wish, attempt, _shown)
        return Response(
            LedgerEntryOut.model_validate(document).model_dump_json(), 201, replay(replayed), "application/json"
        )

    return router


def _shown(entry: LedgerEntry) -> dict[str, Any]:
    return LedgerEntryOut.of(entry).model_dump(mode="json")
