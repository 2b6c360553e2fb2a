"""Where Stripe tells what happened. The raw bytes are verified: nothing may parse and rewrite them before."""

from typing import Any

from fastapi import APIRouter, Request, Response

from payment_service.api.problems import FACES
from payment_service.api.schemas import Received
from payment_service.application.receive_webhook import ReceiveWebhook
from payment_service.domain.errors import BadSignature, EventMalformed

_ANSWER = b'{"received":true}'
_CONTRACT: dict[str, Any] = {
    "parameters": [
        {
            "name": "Stripe-Signature",
            "in": "header",
            "required": True,
            "description": "`t=…,v1=…`: HMAC-SHA256 of time and body.",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "description": "An event of Stripe's."}}},
    },
}


def webhook_routes(receive: ReceiveWebhook) -> APIRouter:
    """Return the endpoint that Stripe is told to call."""
    router = APIRouter(prefix="/webhooks", tags=["webhooks"])

    @router.post(
        "/stripe",
        response_model=Received,
        responses=FACES.responses(BadSignature, EventMalformed),
        openapi_extra=_CONTRACT,
    )
    async def receive_stripe_event(request: Request) -> Response:
        """Store an event once. The work it causes comes later; 503 makes Stripe send it again."""
        signatures = request.headers.getlist("stripe-signature")
        await receive(await request.body(), signatures[0] if len(signatures) == 1 else "")
        return Response(_ANSWER, media_type="application/json")

    return router
