"""Stripe through its own SDK, in threads of its own: its asynchronous client would need another HTTP stack."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast
from uuid import UUID

import structlog

from payment_service.application.access_ports import PriceReading
from payment_service.application.ports import CustomerReading
from payment_service.domain.checkout import CheckoutOrder, HostedCheckout
from payment_service.domain.errors import ProviderRefused, ProviderUnavailable
from payment_service.domain.ids import CustomerId, UserId
from payment_service.infrastructure.stripe_readings import (
    price_reading,
    readable_invoices,
    subscription_reading,
    time_of,
)

if TYPE_CHECKING:
    import stripe

log = structlog.get_logger("stripe")
API_VERSION = "2026-10-28.endive"
_CONNECT_SECONDS, _READ_SECONDS = 2.0, 8.0
_THREADS = 16
_RECENT_INVOICES = 20
_BUSY = (409, 429)
Answer = TypeVar("Answer")


class StripeGateway:
    """The payment provider. `api_base` None means Stripe itself. What happens on a page returns to `web_origin`."""

    def __init__(self, api_key: str, *, api_base: str | None, web_origin: str) -> None:
        import stripe

        self._errors = stripe.StripeError
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=0,  # whoever asked repeats, under the same name
            stripe_version=API_VERSION,
            http_client=stripe.RequestsClient(timeout=(_CONNECT_SECONDS, _READ_SECONDS)),
        )
        self._web_origin = web_origin.rstrip("/")
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="stripe")

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def create_customer(self, user_id: UserId) -> CustomerId:
        """Create the customer of a person."""

        def create() -> str:
            params: stripe.params.CustomerCreateParams = {"metadata": {"user_id": str(user_id)}}
            return self._client.v1.customers.create(params, {"idempotency_key": f"customer:{user_id}"}).id

        return CustomerId(await self._call(create))

    async def open_checkout(self, order: CheckoutOrder) -> HostedCheckout:
        """Create the payment page for an order."""
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

        def create() -> dict[str, Any]:
            name: stripe.RequestOptions = {"idempotency_key": f"checkout:{order.id}"}
            return self._client.v1.checkout.sessions.create(params, name).to_dict()

        body = await self._call(create)
        return HostedCheckout(body["id"], body["url"], time_of(body["expires_at"]))

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
        """Read everything about a customer, all pages."""

        def subscriptions() -> list[dict[str, Any]]:
            listed = self._client.v1.subscriptions.list({"customer": customer_id, "status": "all", "limit": 100})
            return [each.to_dict() for each in listed.auto_paging_iter()]

        def invoices() -> list[dict[str, Any]]:
            listed = self._client.v1.invoices.list({"customer": customer_id, "limit": _RECENT_INVOICES})
            return [each.to_dict() for each in listed.data]

        subscription_bodies, invoice_bodies = await asyncio.gather(self._call(subscriptions), self._call(invoices))
        try:
            return CustomerReading(
                [subscription_reading(body) for body in subscription_bodies],
                readable_invoices(invoice_bodies),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            log.warning("unreadable answer", customer=customer_id, reason=repr(error))
            raise ProviderRefused("unreadable answer") from None

    async def prices(self, lookup_keys: Sequence[str]) -> Sequence[PriceReading]:
        """Return those prices that are sold under these names."""

        def listed() -> list[dict[str, Any]]:
            found = self._client.v1.prices.list({"lookup_keys": list(lookup_keys), "active": True, "limit": 100})
            return [each.to_dict() for each in found.data]

        readings = [price_reading(body) for body in await self._call(listed)]
        return [reading for reading in readings if reading is not None]

    async def _call(self, ask: Callable[[], Answer]) -> Answer:
        """Ask in a thread. Raises ProviderUnavailable for what may pass, ProviderRefused for what will not."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except self._errors as error:
            status, code = error.http_status, error.code or type(error).__name__
            log.warning("not done", status=status, code=code, stripe_request=error.request_id)
            if status is None or status >= 500 or status in _BUSY:
                raise ProviderUnavailable from None
            raise ProviderRefused(code) from None

    def _back(self, path: str, checkout_id: UUID, outcome: str) -> str:
        separator = "&" if "?" in path else "?"
        return f"{self._web_origin}{path}{separator}checkout={checkout_id}&outcome={outcome}"
