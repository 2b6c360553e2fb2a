"""What is left at Stripe of somebody who leaves: pages that could still be paid, and money that came too late."""

from typing import Any

from payment_service.domain.errors import ProviderRefused
from payment_service.domain.ids import CustomerId
from payment_service.infrastructure.stripe_calls import StripeCalls

_PAGE = 100
_GIVEN_BACK = "charge_already_refunded"


class StripeLeaving:
    """Closes and gives back; both may be repeated."""

    def __init__(self, calls: StripeCalls) -> None:
        self._calls, self._v1 = calls, calls.client.v1

    async def close_pages(self, customer_id: CustomerId) -> None:
        """Expire every open Checkout Session of a customer; one that was paid this moment is a subscription by now."""

        def opened() -> list[str]:
            params: Any = {"customer": customer_id, "status": "open", "limit": _PAGE}
            return [each.id for each in self._v1.checkout.sessions.list(params).auto_paging_iter()]

        for session_id in await self._calls.ask_about(opened) or []:
            await self._expire(session_id)

    async def give_back(self, invoice_id: str, name: str) -> int:
        """Refund all that was paid for an invoice; return how much, 0 where nothing is left."""

        def payments() -> list[dict[str, Any]]:
            params: Any = {"invoice": invoice_id, "status": "paid", "limit": _PAGE}
            return [each.to_dict() for each in self._v1.invoice_payments.list(params).data]

        given = 0
        for payment in await self._calls.ask(payments):
            intent_id = payment["payment"].get("payment_intent")
            if intent_id:
                given += await self._refund(str(intent_id), f"{name}:{intent_id}")
        return given

    async def _expire(self, session_id: str) -> None:
        sessions = self._v1.checkout.sessions
        try:
            await self._calls.ask(lambda: sessions.expire(session_id))
        except ProviderRefused:
            if await self._calls.ask(lambda: sessions.retrieve(session_id).status) == "open":
                raise

    async def _refund(self, intent_id: str, name: str) -> int:
        params: Any = {"payment_intent": intent_id, "metadata": {"why": "erasure"}}
        try:
            return await self._calls.ask(lambda: self._v1.refunds.create(params, {"idempotency_key": name}).amount)
        except ProviderRefused as error:
            if error.code == _GIVEN_BACK:
                return 0
            raise
