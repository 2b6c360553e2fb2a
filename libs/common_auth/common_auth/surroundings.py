"""What every service has around it, built from its settings. Nothing is opened before it is used."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from common_auth.callers import Callers, Permissions
from common_auth.guests import GuestTokens
from common_auth.jwks import JwksCache
from common_auth.revocations import Revocations
from common_auth.service_tokens import ServiceTokens
from common_auth.tokens import TokenVerifier
from common_service.clock import utc_now
from common_service.database import Database
from common_service.http import HttpClient
from common_service.jobs import Job, supervise
from common_service.pagination import Cursors
from common_service.rate_limit import RateLimits, rate_limits
from common_service.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One pool of connections, an HTTP client, who may call and how often, and the tokens to call others with.

    `http` is for services of ours, `vendors` for Cognito and other houses: they are not told of our traces (ADR 14).
    `registry` holds the metrics of all this, for the application's own.
    """

    database: Database
    http: httpx2.AsyncClient
    vendors: httpx2.AsyncClient
    people: TokenVerifier
    callers: Callers
    tokens: ServiceTokens
    cursors: Cursors
    limits: RateLimits
    registry: CollectorRegistry
    redis: Redis

    @property
    def listening(self) -> Job:
        """The job that keeps `people` informed of revoked tokens, for whoever has a lifespan of their own."""
        return Revocations(self.redis).listener(self.people)

    async def close(self) -> None:
        """Let go of every connection."""
        await self.redis.aclose()
        await self.limits.close()
        await self.vendors.aclose()
        await self.http.aclose()
        await self.database.close()

    @contextlib.asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Hear of revoked tokens while the application runs, and let go when it ends."""
        listening = asyncio.create_task(supervise(self.listening, asyncio.Event()), name=self.listening.name)
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await self.close()


def surroundings(
    settings: ServiceSettings, permissions: Permissions, guests: GuestTokens | None = None
) -> Surroundings:
    """Build them; `permissions` says what the groups of this service's callers may do, `guests` who else may call."""
    http, vendors, registry = HttpClient(), HttpClient(tells_trace=False), CollectorRegistry()
    keys = JwksCache(settings.cognito_jwks_url, vendors)
    people = TokenVerifier(keys, issuer=settings.cognito_issuer, clients=settings.reader_clients, now=utc_now)
    services = TokenVerifier(keys, issuer=settings.cognito_issuer, clients=settings.service_clients, now=utc_now)
    secret = settings.service_client_secret.get_secret_value()
    return Surroundings(
        database=Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size),
        http=http,
        vendors=vendors,
        people=people,
        callers=Callers(people, services, permissions, guests),
        tokens=ServiceTokens(settings.cognito_token_url, settings.service_client_id, secret, vendors),
        cursors=Cursors(settings.cursor_secret.get_secret_value()),
        limits=rate_limits(settings, registry),
        registry=registry,
        redis=Redis.from_url(settings.redis_url.get_secret_value()),
    )
