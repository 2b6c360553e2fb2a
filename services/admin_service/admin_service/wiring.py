"""The adapters of admin_service, put together by hand."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import httpx2
from fastapi import APIRouter, FastAPI

from admin_service.api.moderation import moderation_routes
from admin_service.api.problems import FACES
from admin_service.api.routes import UseCases, admin_routes
from admin_service.api.standing import standing_routes
from admin_service.application.list_users import ListUsers
from admin_service.application.ports import Source
from admin_service.application.read_user import ReadUser
from admin_service.infrastructure.facts import SOURCES, handlers
from admin_service.infrastructure.http_desk import HttpDesk
from admin_service.infrastructure.http_source import HttpSource
from admin_service.infrastructure.http_users import HttpUsers
from admin_service.infrastructure.repositories import SqlAdminWork
from admin_service.infrastructure.tables import MESSAGING
from admin_service.settings import Settings
from common_auth.bearer import only_for
from common_auth.callers import Callers, Permissions
from common_auth.errors import NOT_PERMITTED
from common_auth.service_tokens import ServiceTokens
from common_auth.surroundings import Surroundings, surroundings
from common_events.bus import event_bus
from common_events.consumer import Consumer
from common_events.dead_letter_routes import dead_letter_routes
from common_events.pruning import pruning
from common_service.app import Lifespan, create_service_app
from common_service.clock import utc_now
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.serving import Background


def http_app(settings: Settings) -> FastAPI:
    """Build the HTTP side. Nothing is opened before the application starts."""
    around = surroundings(settings, settings.group_permissions)
    start_reading = partial(SqlAdminWork, around.database, reads=True)
    users_url = f"{settings.user_base_url}/internal/v1/users"
    desk_url = f"{settings.story_base_url}/internal/v1/moderation/cases"
    return assemble(
        UseCases(
            list_users=ListUsers(start_reading, utc_now),
            read_user=ReadUser(start_reading, sources(settings, around.tokens, around.http)),
        ),
        around.callers,
        around.cursors,
        permissions=settings.group_permissions,
        more=[
            moderation_routes(HttpDesk(desk_url, around.tokens, around.http), around.callers),
            standing_routes(HttpUsers(users_url, around.tokens, around.http), around.callers),
            _dead_letters(around),
        ],
        ready=around.database.ping,
        lifespan=around.lifespan,
    )


def sources(settings: Settings, tokens: ServiceTokens, http: httpx2.AsyncClient) -> dict[str, Source]:
    """Return where each section of a person's overview comes from."""
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
    more: Sequence[APIRouter] = (),
) -> FastAPI:
    """Put routes over use cases, whatever stands behind them."""
    return create_service_app(
        title="TrueCrime admin service",
        prefix="/admin",
        routers=[admin_routes(use_cases, callers, cursors, permissions), *more],
        problems=FACES,
        ready=ready,
        lifespan=lifespan,
    )


def _dead_letters(around: Surroundings) -> APIRouter:
    """Return the routes by which admins see what this service has given up, and have it tried again."""
    return dead_letter_routes(
        around.database,
        MESSAGING,
        around.cursors,
        reads=only_for(around.callers, "admin/admin", acting="ops.read"),
        writes=only_for(around.callers, "admin/admin", acting="ops.write"),
        problems=FACES,
        refusals=NOT_PERMITTED,
    )


def background(settings: Settings) -> Background:
    """Build the worker's side: the consumer that keeps the read model."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    bus, [name] = event_bus(settings), settings.consumers
    consumer = Consumer(name, bus.subscription(name, SOURCES), handlers(), database, MESSAGING)
    jobs = [consumer.job(), pruning(database, MESSAGING)]
    return Background(database.ping, [bus.close, database.close], jobs)
