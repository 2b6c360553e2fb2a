"""The adapters of admin_service, put together by hand."""

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx2
from fastapi import FastAPI
from redis.asyncio import Redis

from admin_service.api.problems import FACES
from admin_service.api.routes import UseCases, admin_routes
from admin_service.application.list_users import ListUsers
from admin_service.application.ports import Source
from admin_service.application.read_user import ReadUser
from admin_service.infrastructure.facts import SOURCES, handlers
from admin_service.infrastructure.http_source import HttpSource
from admin_service.infrastructure.repositories import SqlAdminWork
from admin_service.infrastructure.tables import MESSAGING
from admin_service.settings import Settings
from common_auth.callers import Callers, Permissions
from common_auth.jwks import JwksCache
from common_auth.service_tokens import ServiceTokens
from common_auth.tokens import TokenVerifier
from common_events.consumer import Consumer
from common_events.redis_streams import RedisSubscription
from common_service.app import Lifespan, create_service_app
from common_service.clock import utc_now
from common_service.database import Database
from common_service.jobs import Job
from common_service.pagination import Cursors

_CONSUMER = "admin"


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
        UseCases(
            list_users=ListUsers(lambda: SqlAdminWork(database), utc_now),
            read_user=ReadUser(lambda: SqlAdminWork(database), sources(settings, http)),
        ),
        Callers(people, services, settings.group_permissions),
        Cursors(settings.cursor_secret.get_secret_value()),
        permissions=settings.group_permissions,
        ready=database.ping,
        lifespan=lifespan,
    )


def sources(settings: Settings, http: httpx2.AsyncClient) -> dict[str, Source]:
    """Return where each section of a person's overview comes from."""
    secret = settings.service_client_secret.get_secret_value()
    tokens = ServiceTokens(settings.cognito_token_url, settings.service_client_id, secret, http)
    urls = {
        "profile": f"{settings.user_base_url}/internal/v1/users",
        "access": f"{settings.payment_base_url}/internal/v1/access",
        "billing": f"{settings.payment_base_url}/internal/v1/billing",
        "usage": f"{settings.story_base_url}/internal/v1/usage",
    }
    return {section: HttpSource(url, tokens, http) for section, url in urls.items()}


def assemble(
    use_cases: UseCases,
    callers: Callers,
    cursors: Cursors,
    *,
    permissions: Permissions,
    ready: Callable[[], Awaitable[None]],
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Put routes over use cases, whatever stands behind them."""
    return create_service_app(
        title="TrueCrime admin service",
        prefix="/admin",
        routers=[admin_routes(use_cases, callers, cursors, permissions)],
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
    """Build the worker's side: the consumer that keeps the read model."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    redis: Redis = Redis.from_url(settings.redis_url)
    subscription = RedisSubscription(redis, _CONSUMER, SOURCES, f"{socket.gethostname()}:{settings.port}")
    consumer = Consumer(_CONSUMER, subscription, handlers(), database, MESSAGING)
    return Background([consumer.job()], database, redis)
