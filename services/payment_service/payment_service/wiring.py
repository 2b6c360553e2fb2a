"""The adapters of payment_service, put together by hand."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta

import orjson
from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry

from common_auth.bearer import SERVICE, only_for
from common_auth.callers import Callers
from common_auth.errors import NOT_PERMITTED
from common_auth.surroundings import Surroundings, surroundings
from common_events.bus import event_bus
from common_events.consumer import Consumer
from common_events.dead_letter_routes import dead_letter_routes
from common_events.feed import EventFeed
from common_events.feed_routes import feed_routes
from common_events.pruning import pruning
from common_events.relay import Relay
from common_service.app import Lifespan, create_service_app
from common_service.clock import utc_now
from common_service.database import Database
from common_service.idempotency import pruning_of_keys
from common_service.ids import uuid7
from common_service.jobs import periodic
from common_service.pagination import Cursors
from common_service.problems import BadCursor
from common_service.rate_limit import RateLimits, local_limits
from common_service.serving import Background
from payment_service.api.access_routes import access_routes
from payment_service.api.internal_routes import internal_routes
from payment_service.api.list_routes import list_routes
from payment_service.api.operation_routes import operation_routes
from payment_service.api.plan_routes import plan_routes
from payment_service.api.problems import FACES
from payment_service.api.routes import public_routes
from payment_service.api.subscription_routes import subscription_routes
from payment_service.api.use_cases import UseCases, World, wire
from payment_service.api.webhook_routes import webhook_routes
from payment_service.application.apply_edges import ApplyEdges
from payment_service.application.end_erased import EndErased
from payment_service.application.load_prices import LoadPrices
from payment_service.application.ports import StartWork
from payment_service.application.read_access import ReadAccess
from payment_service.application.recompute_access import RecomputeAccess
from payment_service.application.reconcile import Reconcile, RequestReconcile
from payment_service.application.send_dunning import SendDunning
from payment_service.application.sync_customer import SyncCustomer
from payment_service.application.watch_provider import WatchProvider
from payment_service.domain.return_paths import ReturnPaths
from payment_service.infrastructure.base import IDEMPOTENCY_KEYS, MESSAGING
from payment_service.infrastructure.due_syncs import DueSyncs
from payment_service.infrastructure.price_loader import PriceLoader
from payment_service.infrastructure.stripe_calls import API_VERSION
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.stripe_signatures import StripeSignatures
from payment_service.infrastructure.sync_dispatcher import SyncDispatcher
from payment_service.infrastructure.user_events import SOURCES, handlers
from payment_service.infrastructure.webhook_inbox import SqlWebhookInbox
from payment_service.infrastructure.webhook_metrics import ErasureMetrics, SyncMetrics, WebhookMetrics
from payment_service.infrastructure.work import SqlPaymentWork
from payment_service.settings import Settings

_EDGE_SECONDS, _SCHEDULE_SECONDS, _RUN_SECONDS = 1.0, 60.0, 5.0
_DUNNING_SECONDS, _ERASURE_SECONDS, _WATCH_SECONDS = 10.0, 10.0, 2.0


def http_app(settings: Settings) -> FastAPI:
    """Build the HTTP side. Nothing is opened before the application starts."""
    around, gateway = surroundings(settings, settings.group_permissions), _gateway(settings)
    world = World(
        start_work=_works(around.database),
        gateway=gateway,
        subscriptions=gateway.subscriptions,
        promotions=gateway.promotions,
        inbox=SqlWebhookInbox(around.database),
        verify=StripeSignatures(settings.webhook_secrets, utc_now),
        parse=orjson.loads,
        now=utc_now,
        new_id=uuid7,
        return_paths=ReturnPaths(settings.return_paths),
        ttl_seconds=settings.access_ttl_seconds,
        livemode=settings.livemode,
        api_version=API_VERSION,
        count_webhook=WebhookMetrics(around.registry),
        start_reading=lambda: SqlPaymentWork(around.database, reads=True),
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with around.lifespan(app):
            yield
            gateway.close()

    return assemble(
        wire(world),
        around.callers,
        around.cursors,
        ttl_seconds=settings.access_ttl_seconds,
        ready=around.database.ping,
        feed=[_feed(around), _dead_letters(around)],
        lifespan=lifespan,
        limits=around.limits,
        registry=around.registry,
    )


def assemble(
    use_cases: UseCases,
    callers: Callers,
    cursors: Cursors,
    *,
    ttl_seconds: int,
    ready: Callable[[], Awaitable[None]],
    feed: Sequence[APIRouter] = (),
    lifespan: Lifespan | None = None,
    limits: RateLimits | None = None,
    registry: CollectorRegistry | None = None,
) -> FastAPI:
    """Put routes over use cases, whatever stands behind them."""
    limits = limits or local_limits(Settings.default_rates)
    return create_service_app(
        title="TrueCrime payment service",
        prefix="/payment",
        routers=[
            public_routes(use_cases, callers, cursors, limits, ttl_seconds),
            subscription_routes(use_cases, callers, limits),
            webhook_routes(use_cases.receive_webhook),
            internal_routes(use_cases, callers, ttl_seconds),
            list_routes(use_cases, callers, cursors),
            operation_routes(use_cases, callers, cursors),
            *feed,
            access_routes(use_cases, callers, cursors, ttl_seconds),
            plan_routes(use_cases, callers),
        ],
        problems=FACES,
        ready=ready,
        lifespan=lifespan,
        registry=registry,
    )


def _feed(around: Surroundings) -> APIRouter:
    """Return the route by which others read what this service has told."""
    return feed_routes(
        EventFeed(around.database, MESSAGING, Settings.source),
        around.cursors,
        guard=[SERVICE, Depends(around.callers.service("payment/events"))],
        responses=FACES.responses(*NOT_PERMITTED, BadCursor),
    )


def _dead_letters(around: Surroundings) -> APIRouter:
    """Return the routes by which admins see what this service has given up, and have it tried again."""
    return dead_letter_routes(
        around.database,
        MESSAGING,
        around.cursors,
        reads=only_for(around.callers, "payment/admin", acting="ops.read"),
        writes=only_for(around.callers, "payment/admin", acting="ops.write"),
        problems=FACES,
        refusals=NOT_PERMITTED,
    )


def background(settings: Settings) -> Background:
    """Build the worker's side: facts go out, customers are brought up to date, edges drawn, prices learned."""
    url = settings.database_url.get_secret_value()
    database, bus = Database(url, pool_size=settings.syncs_at_once + 6), event_bus(settings)
    gateway, start_work, ttl = _gateway(settings), _works(database), settings.access_ttl_seconds
    grace = timedelta(days=settings.grace_days)
    apply_edges = ApplyEdges(start_work, utc_now, ReadAccess(start_work, utc_now, ttl))

    async def close_gateway() -> None:
        gateway.close()

    parts = Background(database.ping, [close_gateway, bus.close, database.close])
    failed = SyncMetrics(parts.registry)
    watch = WatchProvider(start_work, gateway, utc_now)
    sync_customer = SyncCustomer(
        start_work, gateway, utc_now, uuid7, grace, ttl, given_up=failed, is_away=lambda: watch.is_away
    )
    syncs = SyncDispatcher(sync_customer, DueSyncs(url), at_once=settings.syncs_at_once, failed=watch.missing(failed))
    relay = Relay(url, schema="payment", source=settings.source, publisher=bus.publisher(), registry=parts.registry)
    [name] = settings.consumers
    given_back = ErasureMetrics(parts.registry)
    end_erased = EndErased(start_work, gateway, gateway.subscriptions, gateway.leaving, utc_now, given_back)
    parts.jobs.extend(
        [
            relay.job(),
            Consumer(name, bus.subscription(name, SOURCES), handlers(utc_now, ttl), database, MESSAGING).job(),
            periodic("erasures", end_erased, seconds=_ERASURE_SECONDS),
            syncs.job(),
            periodic("provider-watch", watch, seconds=_WATCH_SECONDS),
            periodic("reconcile-schedule", RequestReconcile(start_work, utc_now, uuid7).due, seconds=_SCHEDULE_SECONDS),
            periodic("reconcile", Reconcile(start_work, gateway.ledger, utc_now).next, seconds=_RUN_SECONDS),
            periodic("access-edges", apply_edges, seconds=_EDGE_SECONDS),
            periodic("access-recomputes", RecomputeAccess(start_work, utc_now, ttl), seconds=_EDGE_SECONDS),
            periodic("dunning", SendDunning(start_work, utc_now), seconds=_DUNNING_SECONDS),
            PriceLoader(LoadPrices(start_work, gateway, uuid7)).job(),
            pruning(database, MESSAGING),
            pruning_of_keys(database, IDEMPOTENCY_KEYS),
        ]
    )
    return parts


def _gateway(settings: Settings) -> StripeGateway:
    return StripeGateway(
        settings.stripe_api_key.get_secret_value(),
        api_base=settings.stripe_api_base or None,
        web_origin=settings.public_web_origin,
    )


def _works(database: Database) -> StartWork:
    return lambda: SqlPaymentWork(database)
