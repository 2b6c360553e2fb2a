"""What people do at Stripe, through its SDK: become customers, check out, manage cards and bills."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import UUID

from payment_service.application.access_ports import PriceReading
from payment_service.application.sync_ports import CustomerReading
from payment_service.domain.checkout import CheckoutOrder, HostedCheckout
from payment_service.domain.errors import CodeInvalid, ProviderRefused, ProviderUnavailable
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.reversal import ReversalKind
from payment_service.infrastructure.stripe_calls import StripeCalls
from payment_service.infrastructure.stripe_leaving import StripeLeaving
from payment_service.infrastructure.stripe_ledger import StripeLedger
from payment_service.infrastructure.stripe_promotions import USELESS, StripePromotions
from payment_service.infrastructure.stripe_readings import price_reading, time_of
from payment_service.infrastructure.stripe_subscriptions import StripeSubscriptions

if TYPE_CHECKING:
    import stripe

_PROBE_SECONDS = 3.0


class StripeGateway:
    """The payment provider. `api_base` None means Stripe itself. What happens on a page returns to `web_origin`."""

    def __init__(self, api_key: str, *, api_base: str | None, web_origin: str) -> None:
        self.calls = StripeCalls(api_key, api_base)
        self.ledger = StripeLedger(self.calls)
        self.subscriptions = StripeSubscriptions(self.calls)
        self.promotions = StripePromotions(self.calls)
        self.leaving = StripeLeaving(self.calls)
        self._client, self._call = self.calls.client, self.calls.ask
        self._web_origin = web_origin.rstrip("/")

    def close(self) -> None:
        """Let the threads end."""
        self.calls.close()

    async def create_customer(self, user_id: UserId, generation: int = 1) -> CustomerId:
        """Create the customer of a person; one that follows a deleted customer has a name of its own."""
        name = f"customer:{user_id}" if generation == 1 else f"customer:{user_id}:{generation}"

        def create() -> str:
            params: stripe.params.CustomerCreateParams = {"metadata": {"user_id": str(user_id)}}
            return self._client.v1.customers.create(params, {"idempotency_key": name}).id

        return CustomerId(await self._call(create))

    async def open_checkout(self, order: CheckoutOrder) -> HostedCheckout:
        """Create the payment page for an order. Raises CodeInvalid too."""
        owner = {"user_id": str(order.user_id)}
        params: stripe.params.checkout.SessionCreateParams = {
            "mode": "subscription",
            "customer": order.customer_id,
            "client_reference_id": str(order.user_id),
            "line_items": [{"price": order.price_id, "quantity": 1}],
            "metadata": owner | {"checkout_id": str(order.id)},
            "subscription_data": {"metadata": owner},
            "success_url": self._back(order.return_path, order.id, "done"),
            "cancel_url": self._back(order.return_path, order.id, "left"),
        }
        if order.trial_days:
            params["subscription_data"]["trial_period_days"] = order.trial_days
        params |= await self._discount(order)

        def create() -> dict[str, Any]:
            name: stripe.RequestOptions = {"idempotency_key": order.name}
            return self._client.v1.checkout.sessions.create(params, name).to_dict()

        try:
            body = await self._call(create)
        except ProviderRefused as error:
            if order.promo_code and error.code in USELESS:
                raise CodeInvalid from None
            raise
        return HostedCheckout(body["id"], body["url"], time_of(body["expires_at"]))

    async def _discount(self, order: CheckoutOrder) -> Any:
        """Return the discount of the order's code; without one, a code may be typed on the page."""
        if order.promo_code is None:
            return {"allow_promotion_codes": True}
        for promotion in await self.promotions.promotions(order.promo_code):
            if promotion.is_active and promotion.customer_id in {None, order.customer_id}:
                return {"discounts": [{"promotion_code": promotion.provider_id}]}
        raise CodeInvalid

    async def checkout_state(self, provider_id: str) -> Literal["open", "complete", "expired"]:
        """Tell how far a payment page has come."""
        status = await self._call(lambda: self._client.v1.checkout.sessions.retrieve(provider_id).status)
        if status not in ("open", "complete", "expired"):
            raise ProviderRefused("unreadable answer")
        return cast('Literal["open", "complete", "expired"]', status)

    async def open_portal(self, customer_id: CustomerId, return_path: str, name: str) -> str:
        """Create the page where a customer manages cards and bills, and return its address."""

        def create() -> str:
            params: stripe.params.billing_portal.SessionCreateParams = {
                "customer": customer_id,
                "return_url": f"{self._web_origin}{return_path}",
            }
            options: stripe.RequestOptions = {"idempotency_key": f"portal:{name}"}
            return self._client.v1.billing_portal.sessions.create(params, options).url

        return await self._call(create)

    async def read_customer(self, customer_id: CustomerId) -> CustomerReading:
        """Read everything about a customer, all pages; one that was deleted is a reading too."""
        return await self.ledger.read_customer(customer_id)

    async def customer_of(self, kind: ReversalKind, provider_id: str) -> CustomerId | None:
        """Return whose refund or dispute this is, None where it is nobody's."""
        return await self.ledger.customer_of(kind, provider_id)

    async def owner_of(self, customer_id: CustomerId) -> UserId | None:
        """Return for whom we created a customer, None for one that we did not create."""
        return await self.ledger.owner_of(customer_id)

    async def is_deleted(self, customer_id: CustomerId) -> bool:
        """Tell whether a customer exists no more."""
        return await self.ledger.is_deleted(customer_id)

    async def answers(self) -> bool:
        """Ask for a single subscription; what a sync asks for first. A refusal is an answer too."""
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._call(lambda: self._client.v1.subscriptions.list({"limit": 1, "status": "all"}))
        except (ProviderUnavailable, TimeoutError):
            return False
        except ProviderRefused:
            return True
        return True

    async def prices(self, lookup_keys: Sequence[str]) -> Sequence[PriceReading]:
        """Return those prices that are sold under these names."""

        def listed() -> list[dict[str, Any]]:
            found = self._client.v1.prices.list({"lookup_keys": list(lookup_keys), "active": True, "limit": 100})
            return [each.to_dict() for each in found.data]

        readings = [price_reading(body) for body in await self._call(listed)]
        return [reading for reading in readings if reading is not None]

    def _back(self, path: str, checkout_id: UUID, outcome: str) -> str:
        separator = "&" if "?" in path else "?"
        return f"{self._web_origin}{path}{separator}checkout={checkout_id}&outcome={outcome}"
