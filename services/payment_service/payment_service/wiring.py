"""The adapters of payment_service, put together by hand."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import orjson
from fastapi import FastAPI
from redis.asyncio import Redis

from common_auth.callers import Callers
from common_auth.jwks import JwksCache
from common_auth.tokens import TokenVerifier
from common_events.redis_streams import RedisPublisher
from common_events.relay import Relay
from common_service.app import Lifespan, create_service_app
from common_service.clock import utc_now
from common_service.database import Database
from common_service.ids import uuid7
from common_service.jobs import Job, periodic
from common_service.pagination import Cursors
from payment_service.api.internal_routes import internal_routes
from payment_service.api.problems import FACES
from payment_service.api.routes import public_routes
from payment_service.api.use_cases import UseCases, World, wire
from payment_service.api.webhook_routes import webhook_routes
from payment_service.application.apply_edges import ApplyEdges
from payment_service.application.load_prices import LoadPrices
from payment_service.application.ports import StartWork
from payment_service.application.read_access import ReadAccess
from payment_service.application.sync_customer import SyncCustomer
from payment_service.domain.return_paths import ReturnPaths
from payment_service.infrastructure.due_syncs import DueSyncs
from payment_service.infrastructure.price_loader import PriceLoader
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.stripe_signatures import StripeSignatures
from payment_service.infrastructure.sync_dispatcher import SyncDispatcher
from payment_service.infrastructure.webhook_inbox import SqlWebhookInbox
from payment_service.infrastructure.work import SqlPaymentWork
from payment_service.settings import Settings

_EDGE_SECONDS = 1.0


def http_app(settings: Settings) -> FastAPI:
    """Build the HTTP side. Nothing is opened before the application starts."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    http, gateway = httpx2.AsyncClient(), _gateway(settings)
    keys = JwksCache(settings.cognito_jwks_url, http)
    people = TokenVerifier(keys, issuer=settings.cognito_issuer, clients=settings.reader_clients, now=utc_now)
    services = TokenVerifier(keys, issuer=settings.cognito_issuer, clients=settings.service_clients, now=utc_now)
    world = World(
        start_work=_works(database),
        gateway=gateway,
        inbox=SqlWebhookInbox(database),
        verify=StripeSignatures(settings.webhook_secrets, utc_now),
        parse=orjson.loads,
        now=utc_now,
        new_id=uuid7,
        return_paths=ReturnPaths(settings.return_paths),
        ttl_seconds=settings.access_ttl_seconds,
        livemode=settings.livemode,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with http:
            yield
        gateway.close()
        await database.close()

    return assemble(
        wire(world),
        Callers(people, services, settings.group_permissions),
        Cursors(settings.cursor_secret.get_secret_value()),
        ttl_seconds=settings.access_ttl_seconds,
        ready=database.ping,
        lifespan=lifespan,
    )


def assemble(
    use_cases: UseCases,
    callers: Callers,
    cursors: Cursors,
    *,
    ttl_seconds: int,
    ready: Callable[[], Awaitable[None]],
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Put routes over use cases, whatever stands behind them."""
    return create_service_app(
        title="TrueCrime payment service",
        prefix="/payment",
        routers=[
            public_routes(use_cases, callers, cursors, ttl_seconds),
            webhook_routes(use_cases.receive_webhook),
            internal_routes(use_cases, callers, ttl_seconds),
        ],
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
    gateway: StripeGateway

    async def close(self) -> None:
        """Let go of every connection."""
        self.gateway.close()
        await self.redis.aclose()
        await self.database.close()


def background(settings: Settings) -> Background:
    """Build the worker's side: facts go out, customers are brought up to date, edges drawn, prices learned."""
    url = settings.database_url.get_secret_value()
    database, gateway = Database(url, pool_size=settings.syncs_at_once + 2), _gateway(settings)
    redis: Redis = Redis.from_url(settings.redis_url)
    start_work, ttl = _works(database), settings.access_ttl_seconds
    grace = timedelta(days=settings.grace_days)
    sync_customer = SyncCustomer(start_work, gateway, utc_now, uuid7, grace, ttl)
    apply_edges = ApplyEdges(start_work, utc_now, ReadAccess(start_work, utc_now, ttl))
    jobs = [
        Relay(url, schema="payment", source="payment", publisher=RedisPublisher(redis)).job(),
        SyncDispatcher(sync_customer, DueSyncs(url), at_once=settings.syncs_at_once).job(),
        periodic("access-edges", apply_edges, seconds=_EDGE_SECONDS),
        PriceLoader(LoadPrices(start_work, gateway, uuid7)).job(),
    ]
    return Background(jobs, database, redis, gateway)


def _gateway(settings: Settings) -> StripeGateway:
    return StripeGateway(
        settings.stripe_api_key.get_secret_value(),
        api_base=settings.stripe_api_base or None,
        web_origin=settings.public_web_origin,
    )


def _works(database: Database) -> StartWork:
    return lambda: SqlPaymentWork(database)
