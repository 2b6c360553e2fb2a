"""The adapters of user_service, put together by hand."""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry

from common_auth.bearer import SERVICE
from common_auth.callers import Callers
from common_auth.errors import NOT_PERMITTED
from common_auth.surroundings import Surroundings, surroundings
from common_events.bus import event_bus
from common_events.consumer import Consumer
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
from user_service.api.use_cases import UseCases, wire
from user_service.application.deliver_messages import DeliverMessages
from user_service.infrastructure.cognito_identities import CognitoIdentities
from user_service.infrastructure.heard_events import SOURCES, HeardEvents
from user_service.infrastructure.repositories import SqlUserWork
from user_service.infrastructure.ses_mailer import SesMailer
from user_service.infrastructure.tables import MESSAGING
from user_service.settings import Settings

_MAIL_SECONDS = 2.0


def http_app(settings: Settings) -> FastAPI:
    """Build the HTTP side. Nothing is opened before the application starts."""
    around = surroundings(settings, settings.group_permissions)
    return assemble(
        wire(
            lambda: SqlUserWork(around.database),
            CognitoIdentities(around.people),
            utc_now,
            lambda: SqlUserWork(around.database, reads=True),
        ),
        around.callers,
        around.cursors,
        now=utc_now,
        ready=around.database.ping,
        feed=[_feed(around)],
        lifespan=around.lifespan,
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


def background(settings: Settings) -> Background:
    """Build the worker's side: facts go out, what others tell becomes notices, and notices become e-mails."""
    url = settings.database_url.get_secret_value()
    database, bus = Database(url, pool_size=4), event_bus(settings)
    mailer = SesMailer(region=settings.aws_region, sender=settings.mail_sender)
    parts = Background(database.ping, [mailer.close, bus.close, database.close])
    relay = Relay(url, schema="users", source=settings.source, publisher=bus.publisher(), registry=parts.registry)
    [name] = settings.consumers
    heard = HeardEvents(utc_now, uuid7).handlers()
    footer = f"TrueCrime, {settings.public_web_origin}"
    deliver = DeliverMessages(lambda: SqlUserWork(database), mailer, utc_now, footer)
    parts.jobs.extend(
        [
            relay.job(),
            Consumer(name, bus.subscription(name, SOURCES), heard, database, MESSAGING).job(),
            periodic("outbound-messages", deliver, seconds=_MAIL_SECONDS),
            pruning(database, MESSAGING),
        ]
    )
    return parts
