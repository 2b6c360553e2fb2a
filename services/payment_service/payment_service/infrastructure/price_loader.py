"""Learns the prices when the worker starts, however long the provider takes to answer."""

import asyncio

import structlog

from common_service.jobs import Job, pause
from payment_service.application.load_prices import LoadPrices
from payment_service.domain.errors import ProviderRefused, ProviderUnavailable

log = structlog.get_logger("prices")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0


class PriceLoader:
    """Asks again, ever more slowly, until every paid plan has a price."""

    def __init__(self, load_prices: LoadPrices) -> None:
        self._load = load_prices

    def job(self) -> Job:
        """Return the loader as a job of a worker; it rests once it is done."""
        return Job("prices", self.run)

    async def run(self, stop: asyncio.Event) -> None:
        """Load until nothing is missing or `stop`."""
        seconds = _FIRST_PAUSE
        while not stop.is_set():
            try:
                missing = await self._load()
            except (ProviderUnavailable, ProviderRefused) as error:
                log.warning("prices not loaded", reason=type(error).__name__)
            else:
                if not missing:
                    break
                log.warning("plans without a price", plans=missing)
            await pause(stop, seconds)
            seconds = min(seconds * 2, _LONGEST_PAUSE)
        await stop.wait()
