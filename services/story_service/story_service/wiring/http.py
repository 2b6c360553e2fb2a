"""The HTTP side: routes over use cases, and what runs beside the requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry

from common_auth.bearer import SERVICE, only_for
from common_auth.callers import Callers
from common_auth.errors import NOT_PERMITTED
from common_auth.invalidation import AccessInvalidations
from common_auth.surroundings import Surroundings
from common_events.dead_letter_routes import dead_letter_routes
from common_events.feed import EventFeed
from common_events.feed_routes import feed_routes
from common_service.app import Lifespan, create_service_app
from common_service.draining import Drain
from common_service.jobs import Job, supervise
from common_service.pagination import Cursors
from common_service.problems import BadCursor
from common_service.rate_limit import RateLimits, local_limits
from story_service.api.adjusting.routes import adjustment_routes
from story_service.api.analysing.routes import analysis_routes
from story_service.api.catalog.routes import catalog_routes
from story_service.api.character_routes import character_routes
from story_service.api.continuing.routes import continuation_routes
from story_service.api.generation_routes import generation_routes
from story_service.api.library_routes import library_routes
from story_service.api.problems import FACES
from story_service.api.publishing.routes import publishing_routes
from story_service.api.revisions.routes import revision_routes
from story_service.api.stats_routes import stats_routes
from story_service.api.story_routes import story_routes
from story_service.api.usage_routes import internal_usage_routes, usage_routes
from story_service.api.use_cases import UseCases
from story_service.application.adjusting.adjust_usage import AdjustUsage
from story_service.application.desk.ports import HumanCheck
from story_service.application.read_stats import ReadStats
from story_service.infrastructure.cases.work import SqlCaseWork
from story_service.infrastructure.catalog.refreshing import CatalogRefresher
from story_service.infrastructure.chat.work import SqlChatWork
from story_service.infrastructure.desk.human_check import NobodyAsks, SiteVerify
from story_service.infrastructure.desk.work import SqlDeskWork
from story_service.infrastructure.notifications import listening
from story_service.infrastructure.statistics import SqlStatistics
from story_service.infrastructure.tables import messaging
from story_service.settings import Settings
from story_service.wiring.cases import CasePorts, wire_cases
from story_service.wiring.cases import routers as case_routers
from story_service.wiring.chat import ChatPorts, chat_routers, wire_chat
from story_service.wiring.desk import DeskPorts, wire_desk
from story_service.wiring.desk import routers as desk_routers
from story_service.wiring.outside import Outside, outside
from story_service.wiring.use_cases import Engine, engine, wire


def assemble(
    use_cases: UseCases,
    callers: Callers,
    cursors: Cursors,
    *,
    ready: Callable[[], Awaitable[None]],
    feed: Sequence[APIRouter] = (),
    lifespan: Lifespan | None = None,
    drain: Drain | None = None,
    limits: RateLimits | None = None,
    registry: CollectorRegistry | None = None,
) -> FastAPI:
    """Put routes over use cases, whatever stands behind them."""
    drain, limits = drain or Drain(), limits or local_limits(Settings.default_rates)
    return create_service_app(
        title="TrueCrime story service",
        prefix="/story",
        routers=[
            story_routes(use_cases, callers, cursors, limits, drain),
            revision_routes(use_cases, callers),
            continuation_routes(use_cases, callers, limits, drain),
            analysis_routes(use_cases, callers, limits),
            publishing_routes(use_cases, callers, limits),
            library_routes(use_cases, callers, cursors),
            catalog_routes(use_cases.catalog, callers, cursors),
            character_routes(use_cases, callers, cursors, limits),
            generation_routes(use_cases, callers, drain),
            usage_routes(use_cases, callers, cursors, limits),
            internal_usage_routes(use_cases, callers, cursors),
            *feed,
        ],
        problems=FACES,
        ready=ready,
        lifespan=lifespan,
        drain=drain,
        registry=registry,
    )


def http_app(settings: Settings) -> FastAPI:
    """Build the HTTP side: it accepts, writes and streams."""
    world = outside(settings)
    parts, drain = engine(world.ports), Drain(settings.shutdown_seconds)
    jobs = [
        AccessInvalidations(world.redis).listener(world.gate),
        world.around.listening,
        listening(settings.database_url.get_secret_value(), parts.live),
        CatalogRefresher(settings.database_url.get_secret_value(), world.ports.completions).job(),
    ]
    use_cases = wire(world.ports, parts, model=settings.story_model)
    return assemble(
        use_cases,
        world.around.callers,
        world.around.cursors,
        ready=world.around.database.ping,
        limits=world.around.limits,
        registry=world.around.registry,
        feed=[_feed(world.around), _dead_letters(world.around), *_more_rooms(settings, world, use_cases, drain)],
        lifespan=_lifespan(world, parts, jobs, drain),
        drain=drain,
    )


def _lifespan(world: Outside, parts: Engine, jobs: Sequence[Job], drain: Drain) -> Lifespan:
    """Run jobs beside the requests; at the end let the writing finish, for as long as open answers did not take."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        tasks = [asyncio.create_task(supervise(job, stop), name=job.name) for job in jobs]
        tasks.append(asyncio.create_task(world.openai.warm(), name="warm-openai"))
        try:
            yield
        finally:
            await parts.runs.drain(drain.seconds_left())
            stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await world.close()

    return lifespan


def _more_rooms(settings: Settings, world: Outside, use_cases: UseCases, drain: Drain) -> list[APIRouter]:
    """Return the routes of what has a work of its own."""
    around, ports = world.around, world.ports
    case_ports = CasePorts(
        lambda: SqlCaseWork(around.database),
        ports.subscriptions,
        ports.moderator,
        ports.now,
        lambda: SqlCaseWork(around.database, reads=True),
    )
    chat = ChatPorts(
        lambda: SqlChatWork(around.database),
        ports.subscriptions,
        ports.moderator,
        use_cases.generate.accept,
        use_cases.follow,
        ports.now,
        lambda: SqlChatWork(around.database, reads=True),
    )
    desk_ports = DeskPorts(
        lambda: SqlDeskWork(around.database),
        _human_check(settings, around),
        ports.now,
        lambda: SqlDeskWork(around.database, reads=True),
    )
    return [
        *case_routers(wire_cases(case_ports), around.callers, around.cursors, around.limits),
        *chat_routers(wire_chat(chat), around.callers, around.cursors, around.limits, drain),
        *desk_routers(wire_desk(desk_ports), around.callers, around.cursors, around.limits),
        adjustment_routes(AdjustUsage(case_ports.start_work, ports.subscriptions, ports.now), around.callers),
        stats_routes(ReadStats(SqlStatistics(around.database), ports.now), around.callers),
    ]


def _human_check(settings: Settings, around: Surroundings) -> HumanCheck:
    if not settings.captcha_verify_url:
        return NobodyAsks()
    return SiteVerify(settings.captcha_verify_url, settings.captcha_secret.get_secret_value(), around.vendors)


def _feed(around: Surroundings) -> APIRouter:
    """Return the route by which others read what this service has told."""
    return feed_routes(
        EventFeed(around.database, messaging, Settings.source),
        around.cursors,
        guard=[SERVICE, Depends(around.callers.service("story/events"))],
        responses=FACES.responses(*NOT_PERMITTED, BadCursor),
    )


def _dead_letters(around: Surroundings) -> APIRouter:
    """Return the routes by which admins see what this service has given up, and have it tried again."""
    return dead_letter_routes(
        around.database,
        messaging,
        around.cursors,
        reads=only_for(around.callers, "story/admin", acting="ops.read"),
        writes=only_for(around.callers, "story/admin", acting="ops.write"),
        problems=FACES,
        refusals=NOT_PERMITTED,
    )
