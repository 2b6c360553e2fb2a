"""The adapters of user_service, put together by hand."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx2
from fastapi import FastAPI
from redis.asyncio import Redis

from common_auth.callers import Callers
from common_auth.jwks import JwksCache
from common_auth.tokens import TokenVerifier
from common_events.redis_streams import RedisPublisher
from common_events.relay import Relay
from common_service.app import Lifespan, create_service_app
from common_service.clock import Clock, utc_now
from common_service.database import Database
from common_service.jobs import Job
from common_service.pagination import Cursors
from user_service.api.internal_routes import internal_routes
from user_service.api.problems import FACES
from user_service.api.routes import me_routes
from user_service.api.use_cases import UseCases, wire
from user_service.infrastructure.cognito_identities import CognitoIdentities
from user_service.infrastructure.repositories import SqlUserWork
from user_service.settings import Settings


def http_app(settings: Settings) -> FastAPI:
    """Build the HTTP side. Nothing is opened before the application starts."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    http = httpx2.AsyncClient()
    keys = JwksCache(settings.cognito_jwks_url, http)
    people = TokenVerifier(keys, issuer=settings.cognito_issuer, clients=settings.reader_clients, now=utc_now)
    services = TokenVerifier(keys, issuer=settings.cognito_issuer, clients=settings.service_clients, now=utc_now)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with http:
            yield
        await database.close()

    return assemble(
        wire(lambda: SqlUserWork(database), CognitoIdentities(people), utc_now),
        Callers(people, services, settings.group_permissions),
        Cursors(settings.cursor_secret.get_secret_value()),
        now=utc_now,
        ready=database.ping,
        lifespan=lifespan,
    )


def assemble(
    use_cases: UseCases,
    callers: Callers,
    cursors: Cursors,
    *,
    now: Clock,
    ready: Callable[[], Awaitable[None]],
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Put routes over use cases, whatever stands behind them."""
    return create_service_app(
        title="TrueCrime user service",
        prefix="/user",
        routers=[me_routes(use_cases, callers, now), internal_routes(use_cases, callers, cursors)],
        problems=FACES,
        ready=ready,
        lifespan=lifespan,
    )


@dataclass(frozen=True, slots=True)
class Background:
    """The jobs of the worker, and what it holds."""

    jobs: list[Job]
    database: Database
    redis: Redis

    async def close(self) -> None:
        """Let go of every connection."""
        await self.redis.aclose()
        await self.database.close()


def background(settings: Settings) -> Background:
    """Build the worker's side: the relay of this schema's facts."""
    url = settings.database_url.get_secret_value()
    redis: Redis = Redis.from_url(settings.redis_url)
    relay = Relay(url, schema="users", source="user", publisher=RedisPublisher(redis))
    return Background([relay.job()], Database(url, pool_size=2), redis)
