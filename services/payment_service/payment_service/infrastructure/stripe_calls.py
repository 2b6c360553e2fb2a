"""The way to Stripe: its SDK, in threads of its own (its asynchronous client would need another HTTP stack)."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from common_service.tracing import calling
from payment_service.domain.errors import ProviderRefused, ProviderUnavailable
from payment_service.infrastructure.stripe_pages import StripePages

log = structlog.get_logger("stripe")
API_VERSION = "2026-10-28.endive"
MISSING = "resource_missing"
_CONNECT_SECONDS, _READ_SECONDS = 2.0, 8.0
_THREADS = 16
_BUSY = (409, 429)
Answer = TypeVar("Answer")


class StripeCalls:
    """One account of Stripe's, through `client`; `pages` are those that people may be sent to.

    `api_base` None means Stripe itself.
    """

    def __init__(self, api_key: str, api_base: str | None) -> None:
        import stripe

        self._errors, self.pages = stripe.StripeError, StripePages(api_base)
        self.client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=0,  # whoever asked repeats, under the same name
            stripe_version=API_VERSION,
            http_client=stripe.RequestsClient(timeout=(_CONNECT_SECONDS, _READ_SECONDS)),
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="stripe")

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def ask(self, ask: Callable[[], Answer]) -> Answer:
        """Ask in a thread. Raises ProviderUnavailable for what may pass, ProviderRefused for what will not."""
        try:
            with calling("stripe"):
                return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except self._errors as error:
            status, code = error.http_status, error.code or type(error).__name__
            log.warning("not done", status=status, code=code, stripe_request=error.request_id)
            if status is None or status >= 500 or status in _BUSY:
                raise ProviderUnavailable from None
            raise ProviderRefused(code) from None

    async def ask_about(self, ask: Callable[[], Answer]) -> Answer | None:
        """Ask about something that may not be there; None says that it is not."""
        try:
            return await self.ask(ask)
        except ProviderRefused as error:
            if error.code == MISSING:
                return None
            raise
