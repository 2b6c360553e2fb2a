"""Rate limits of routes: how often one person, or one address, is let through. Never the billing truth (ADR 15).

    limits.per_user("create_story", callers.reader)     is a dependency of a route
    responses=limited(FACES.responses(..., RateLimited), 202)     says so in the contract

Every answer of a limited route carries `RateLimit-Limit`, `-Remaining`, `-Reset` (seconds) and `-Policy`, as
draft-ietf-httpapi-ratelimit-headers-06 has them; of several limits, those of the tightest.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import Depends, Request, params
from limits import RateLimitItem, parse
from prometheus_client import CollectorRegistry

from common_service.client_address import client_address
from common_service.problems import RateLimited
from common_service.rate_windows import FallbackWindows, LocalWindows, RedisWindows, Taken, Windows
from common_service.settings import ServiceSettings


class Identified(Protocol):
    """A caller with an id."""

    @property
    def user_id(self) -> UUID:
        """Whose requests are counted together."""
        ...


class RateLimits:
    """The limits of a service, by the names of its settings. `hops`: how many proxies before us are our own."""

    def __init__(self, rates: Mapping[str, RateLimitItem], windows: Windows, *, hops: int = 1) -> None:
        self._rates, self._windows, self._hops = rates, windows, hops

    def per_user(self, rule: str, who: Callable[..., Awaitable[Identified]], *, cost: int = 1) -> params.Depends:
        """Return the dependency that lets each person through at the rate of `rule`; `who` finds the person.

        It raises what `who` raises, and RateLimited. Raises KeyError where the settings have no such rule.
        """
        rate = self._rates[rule]

        async def limited(request: Request, caller: Annotated[Identified, Depends(who)]) -> None:
            await self._take(request, rule, rate, f"user:{caller.user_id}", cost)

        return params.Depends(limited)

    def per_address(self, rule: str, *, cost: int = 1) -> params.Depends:
        """Return the dependency that lets each client address through at the rate of `rule`. It raises RateLimited.

        Raises KeyError where the settings have no such rule.
        """
        rate = self._rates[rule]

        async def limited(request: Request) -> None:
            await self._take(request, rule, rate, f"address:{client_address(request, self._hops)}", cost)

        return params.Depends(limited)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._windows.close()

    async def _take(self, request: Request, rule: str, rate: RateLimitItem, whose: str, cost: int) -> None:
        taken = await self._windows.take(rate, f"{rule}:{whose}", cost)
        _show(request, rate, taken)
        if not taken.is_allowed:
            raise RateLimited(max(taken.reset_seconds, 1))


def rate_limits(settings: ServiceSettings, registry: CollectorRegistry) -> RateLimits:
    """Return the limits of a service's settings, over Redis and without it. Nothing is opened yet."""
    shared = RedisWindows(settings.redis_url.get_secret_value(), "rate")
    windows = FallbackWindows(shared, LocalWindows(), registry)
    return RateLimits(settings.rates, windows, hops=settings.trusted_hops)


def local_limits(rates: Mapping[str, str], windows: Windows | None = None) -> RateLimits:
    """Return limits at these rates that are counted in this process alone: for tests and for contracts."""
    return RateLimits({rule: parse(rate) for rule, rate in rates.items()}, windows or LocalWindows())


def limited(responses: Mapping[int | str, dict[str, Any]], *successes: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a limited route: with the headers, where it succeeds and where it refuses."""
    headers = dict.fromkeys(successes, _HEADERS) | {429: {**_HEADERS, **_RETRY_AFTER}}
    added: dict[int | str, dict[str, Any]] = {
        status: {**responses.get(status, {}), "headers": {**responses.get(status, {}).get("headers", {}), **names}}
        for status, names in headers.items()
    }
    return {**responses, **added}


def _show(request: Request, rate: RateLimitItem, taken: Taken) -> None:
    """Have RequestContext put the headers on the answer, whatever it will be."""
    before = request.scope.get("rate_limit_remaining")
    if before is None or taken.remaining < before or not taken.is_allowed:
        request.scope["rate_limit_remaining"] = taken.remaining
        request.scope["answer_headers"] = [
            (b"ratelimit-limit", b"%d" % rate.amount),
            (b"ratelimit-remaining", b"%d" % taken.remaining),
            (b"ratelimit-reset", b"%d" % taken.reset_seconds),
            (b"ratelimit-policy", b"%d;w=%d" % (rate.amount, rate.get_expiry())),
        ]


def _integer(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer", "minimum": 0}}


_HEADERS = {
    "RateLimit-Limit": _integer("How many requests the window takes."),
    "RateLimit-Remaining": _integer("How many of them are left."),
    "RateLimit-Reset": _integer("Seconds until one more is free."),
    "RateLimit-Policy": {"description": "`60;w=60`: requests; seconds.", "schema": {"type": "string"}},
}
_RETRY_AFTER = {"Retry-After": _integer("Seconds to wait.")}
