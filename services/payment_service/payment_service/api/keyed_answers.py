"""What an admin asks for under an Idempotency-Key, and its answer, the second time the same."""

import orjson
from fastapi import Response
from pydantic import BaseModel

from common_auth.callers import ServiceCaller
from common_service.idempotency import request_hash
from payment_service.api.security import actor_of
from payment_service.application.keyed_changes import Kept
from payment_service.application.ports import Attempt
from payment_service.domain.ids import UserId


def attempt_of(caller: ServiceCaller, route: str, key: str, body: BaseModel) -> Attempt:
    """Name the request by the admin behind it, its route, its key and what it says."""
    return Attempt(UserId(actor_of(caller)), route, key, request_hash(body.model_dump(mode="json")))


def kept_answer(kept: Kept, status: int) -> Response:
    """Return what was kept, and whether it was before."""
    headers = {"Idempotent-Replayed": "true"} if kept.is_replay else {}
    return Response(orjson.dumps(dict(kept.answer.body)), status, headers, "application/json")
