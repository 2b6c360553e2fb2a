"""The adapters of user_service, put together by hand."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from common_auth.bearer import SERVICE, only_for
from common_auth.callers import Callers
from common_auth.errors import NOT_PERMITTED
from common_auth.revocations import Revocations
from common_auth.surroundings import Surroundings, surroundings
from common_events.bus import event_bus
from common_events.consumer import Consumer
from common_events.dead_letter_routes import dead_letter_routes
from common_events.feed import EventFeed
from common_events.feed_routes import feed_routes
from common_events.pruning import pruning
from common_events.relay import Relay
from common_service.app import Lifespan, create_service_app
from common_service.clock import Clock, utc_now
from common_service.database import Database
from common_service.ids import uuid7
from common_service.jobs import periodic
from common_service.pagination import Cursors
from common_service.problems import BadCursor
from common_service.rate_limit import RateLimits, local_limits
from common_service.serving import Background
from user_service.api.internal_routes import internal_routes
from user_service.api.notice_routes import notice_routes
from user_service.api.problems import FACES
from user_service.api.routes import me_routes
from user_service.api.status_routes import status_routes
from user_service.api.use_cases import UseCases, World, wire
from user_service.application.change_status import ChangeStatus
from user_service.application.deliver_messages import DeliverMessages
from user_service.application.keep_suspensions import EndSuspensions, SuspendStruck
from user_service.application.ports import StartWork
from user_service.application.prune_notices import PruneNotices
from user_service.infrastructure.cognito_doors import CognitoDoors
from user_service.infrastructure.cognito_identities import CognitoIdentities
from user_service.infrastructure.heard_events import SOURCES, HeardEvents
from user_service.infrastructure.repositories import SqlUserWork
from user_service.infrastructure.ses_mailer import SesMailer
from user_service.infrastructure.tables import MESSAGING
from user_service.settings import Settings

_MAIL_SECONDS, _STRIKE_SECONDS, _SUSPENSION_SECONDS, _PRUNE_SECONDS = 2.0, 5.0, 5.0, 300.0


def http_app(settings: Settings) -> FastAPI:
    """Build the HTTP side. Nothing is opened before the application starts."""
    around, doors = surroundings(settings, settings.group_permissions), _doors(settings)
    world = World(
        start_work=_works(around.database),
        identities=CognitoIdentities(around.people),
        doors=doors,
        now=utc_now,
        new_id=uuid7,
        start_reading=lambda: SqlUserWork(around.database, reads=True),
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with around.lifespan(app):
            yield
            await doors.close()

    return assemble(
        wire(world),
        around.callers,
        around.cursors,
        now=utc_now,
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
    now: Clock,
    ready: Callable[[], Awaitable[None]],
    feed: Sequence[APIRouter] = (),
    lifespan: Lifespan | None = None,
    limits: RateLimits | None = None,
    registry: CollectorRegistry | None = None,
) -> FastAPI:
    """Put routes over use cases, whatever stands behind them."""
    limits = limits or local_limits(Settings.default_rates)
    return create_service_app(
        title="TrueCrime user service",
        prefix="/user",
        routers=[
            me_routes(use_cases, callers, limits, now),
            notice_routes(use_cases, callers, cursors),
            internal_routes(use_cases, callers, cursors),
            status_routes(use_cases, callers),
            *feed,
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
        guard=[SERVICE, Depends(around.callers.service("user/events"))],
        responses=FACES.responses(*NOT_PERMITTED, BadCursor),
    )


def _dead_letters(around: Surroundings) -> APIRouter:
    """Return the routes by which admins see what this service has given up, and have it tried again."""
    return dead_letter_routes(
        around.database,
        MESSAGING,
        around.cursors,
        reads=only_for(around.callers, "user/admin", acting="ops.read"),
        writes=only_for(around.callers, "user/admin", acting="ops.write"),
        problems=FACES,
        refusals=NOT_PERMITTED,
    )


def background(settings: Settings) -> Background:
    """Build the worker's side: facts go out, what others tell becomes notices, and notices become e-mails."""
    url = settings.database_url.get_secret_value()
    database, bus = Database(url, pool_size=4), event_bus(settings)
    mailer, doors = SesMailer(region=settings.aws_region, sender=settings.mail_sender), _doors(settings)
    redis = Redis.from_url(settings.redis_url.get_secret_value())
    parts = Background(database.ping, [mailer.close, doors.close, redis.aclose, bus.close, database.close])
    relay = Relay(url, schema="users", source=settings.source, publisher=bus.publisher(), registry=parts.registry)
    [name] = settings.consumers
    suspended_for = timedelta(days=settings.strike_suspension_days)
    heard = HeardEvents(utc_now, uuid7, Revocations(redis).publish, suspended_for).handlers()
    footer = f"TrueCrime, {settings.public_web_origin}"
    start_work = _works(database)
    deliver = DeliverMessages(start_work, mailer, utc_now, footer)
    prune = PruneNotices(start_work, utc_now, timedelta(days=settings.notices_kept_days))
    change_status = ChangeStatus(start_work, doors, utc_now, uuid7)
    parts.jobs.extend(
        [
            relay.job(),
            Consumer(name, bus.subscription(name, SOURCES), heard, database, MESSAGING).job(),
            periodic("outbound-messages", deliver, seconds=_MAIL_SECONDS),
            periodic("strikes", SuspendStruck(start_work, change_status, utc_now), seconds=_STRIKE_SECONDS),
            periodic("notices-pruning", prune, seconds=_PRUNE_SECONDS),
            periodic("suspensions", EndSuspensions(start_work, change_status, utc_now), seconds=_SUSPENSION_SECONDS),
            pruning(database, MESSAGING),
        ]
    )
    return parts


def _doors(settings: Settings) -> CognitoDoors:
    return CognitoDoors(region=settings.aws_region, pool_id=settings.pool_id)


def _works(database: Database) -> StartWork:
    return lambda: SqlUserWork(database)
