"""The adapters of story_service, put together by hand."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from common_auth.bearer import SERVICE
from common_auth.callers import Callers
from common_auth.errors import NOT_PERMITTED
from common_auth.gate import AccessGate
from common_auth.invalidation import AccessInvalidations
from common_auth.shared_access import SharedAccess
from common_auth.surroundings import Surroundings, surroundings
from common_events.bus import event_bus
from common_events.consumer import Consumer
from common_events.feed import EventFeed
from common_events.feed_routes import feed_routes
from common_events.pruning import pruning
from common_events.relay import Relay
from common_service.app import Lifespan, create_service_app
from common_service.clock import Clock, utc_now
from common_service.draining import Drain
from common_service.idempotency import pruning_of_keys
from common_service.ids import uuid7
from common_service.jobs import Job, periodic, supervise
from common_service.pagination import Cursors
from common_service.problems import BadCursor
from common_service.rate_limit import RateLimits, local_limits
from common_service.serving import Background
from story_service.api.character_routes import character_routes
from story_service.api.generation_routes import generation_routes
from story_service.api.library_routes import library_routes
from story_service.api.problems import FACES
from story_service.api.story_routes import story_routes
from story_service.api.usage_routes import internal_usage_routes, usage_routes
from story_service.api.use_cases import UseCases
from story_service.application.admit_persona import AdmitPersona
from story_service.application.cancel_generation import CancelGeneration
from story_service.application.close_generation import CloseGeneration
from story_service.application.delete_story import DeleteStory
from story_service.application.detached import DetachedRuns
from story_service.application.follow_generation import PING_SECONDS, FollowGeneration
from story_service.application.generate_story import GenerateStory
from story_service.application.live import LiveGenerations
from story_service.application.own_characters import OwnCharacters
from story_service.application.ports import Moderator, StartWork, StoryWriter, Subscriptions
from story_service.application.purge_stories import PurgeDeletedStories
from story_service.application.quote_story import QuoteStory
from story_service.application.read_characters import ReadCharacters
from story_service.application.read_ledger import ReadLedger
from story_service.application.read_library import ForgetViewers, ReadLibrary
from story_service.application.read_stories import ReadStories
from story_service.application.read_usage import ReadUsage
from story_service.application.release import Mode, ReleasePolicy
from story_service.application.run_generation import RunGeneration
from story_service.application.sweep_generations import PurgeLogs, SweepGenerations
from story_service.infrastructure.access_events import ACCESS_CHANGED, forgetting
from story_service.infrastructure.moderators import NoModerator, OpenAIModerator
from story_service.infrastructure.notifications import listening
from story_service.infrastructure.openai_client import OpenAIClient
from story_service.infrastructure.openai_writer import OpenAIWriter
from story_service.infrastructure.subscriptions import GateSubscriptions
from story_service.infrastructure.tables import idempotency_keys, messaging
from story_service.infrastructure.work import SqlStoryWork
from story_service.settings import Settings

_SWEEP_SECONDS, _PURGE_SECONDS = 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Ports:
    """What the use cases stand on."""

    start_work: StartWork
    subscriptions: Subscriptions
    writer: StoryWriter
    moderator: Moderator
    mode: Mode
    now: Clock = utc_now
    ping_seconds: float = PING_SECONDS


@dataclass(frozen=True, slots=True)
class Engine:
    """What writes stories in this process, and who follows."""

    live: LiveGenerations
    close: CloseGeneration
    runs: DetachedRuns


def engine(ports: Ports) -> Engine:
    """Wire the writing side, which the HTTP process and the worker share."""
    live, close = LiveGenerations(), CloseGeneration(ports.now)
    policy = ReleasePolicy(ports.mode, ports.moderator, uuid7)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    run = RunGeneration(ports.start_work, ports.writer, policy, close, live, owner, ports.now)
    return Engine(live, close, DetachedRuns(run))


def wire(ports: Ports, parts: Engine, *, model: str) -> UseCases:
    """Wire the use cases."""
    start_work, now = ports.start_work, ports.now
    admit = AdmitPersona(start_work, ports.moderator, now, uuid7)
    return UseCases(
        generate=GenerateStory(start_work, ports.subscriptions, ports.moderator, parts.runs, model, now, uuid7),
        follow=FollowGeneration(start_work, parts.live, now, ports.ping_seconds),
        cancel=CancelGeneration(start_work, parts.close, parts.runs, parts.live),
        stories=ReadStories(start_work),
        delete=DeleteStory(start_work, now),
        library=ReadLibrary(start_work, ports.subscriptions, now),
        characters=ReadCharacters(start_work),
        own_characters=OwnCharacters(start_work, ports.subscriptions, admit, now, uuid7),
        usage=ReadUsage(start_work, ports.subscriptions, now),
        ledger=ReadLedger(start_work),
        quote=QuoteStory(start_work, ports.subscriptions, model, now),
    )


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
            library_routes(use_cases, callers, cursors),
            character_routes(use_cases, callers, cursors),
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


@dataclass(frozen=True, slots=True)
class Outside:
    """What a process holds open towards the world."""

    around: Surroundings
    redis: Redis
    openai: OpenAIClient
    gate: AccessGate
    ports: Ports

    async def close(self) -> None:
        """Let go of every connection."""
        await self.openai.close()
        await self.redis.aclose()
        await self.around.close()


def outside(settings: Settings) -> Outside:
    """Choose the adapters. Nothing is opened yet."""
    around, patience = surroundings(settings, settings.group_permissions), settings.access_timeout_seconds
    redis = Redis.from_url(settings.redis_url.get_secret_value())
    gate = AccessGate(
        settings.payment_base_url,
        around.tokens,
        around.http,
        utc_now,
        timeout_seconds=patience,
        shared=SharedAccess(redis),
    )
    client = OpenAIClient(settings.openai_base_url, settings.openai_api_key.get_secret_value())
    policy = settings.moderator
    mode = Mode(policy.policy)
    moderator: Moderator = NoModerator()
    if mode is not Mode.OFF:
        moderator = OpenAIModerator(
            client, model=policy.model, policy_version=policy.policy_version, thresholds=policy.thresholds
        )
    ports = Ports(
        start_work=lambda: SqlStoryWork(around.database),
        subscriptions=GateSubscriptions(gate, settings.plans),
        writer=OpenAIWriter(client),
        moderator=moderator,
        mode=mode,
    )
    return Outside(around, redis, client, gate, ports)


def http_app(settings: Settings) -> FastAPI:
    """Build the HTTP side: it accepts, writes and streams."""
    world = outside(settings)
    parts, drain = engine(world.ports), Drain(settings.shutdown_seconds)
    jobs = [
        AccessInvalidations(world.redis).listener(world.gate),
        listening(settings.database_url.get_secret_value(), parts.live),
    ]
    return assemble(
        wire(world.ports, parts, model=settings.story_model),
        world.around.callers,
        world.around.cursors,
        ready=world.around.database.ping,
        limits=world.around.limits,
        registry=world.around.registry,
        feed=[_feed(world.around)],
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


def _feed(around: Surroundings) -> APIRouter:
    """Return the route by which others read what this service has told."""
    return feed_routes(
        EventFeed(around.database, messaging, Settings.source),
        around.cursors,
        guard=[SERVICE, Depends(around.callers.service("story/events"))],
        responses=FACES.responses(*NOT_PERMITTED, BadCursor),
    )


def background(settings: Settings) -> Background:
    """Build the worker's side: facts out, access in, and what dead processes left."""
    world = outside(settings)
    parts, ports, database = engine(world.ports), world.ports, world.around.database
    sweep = SweepGenerations(ports.start_work, parts.close, parts.runs, parts.live, ports.now)
    finish = partial(parts.runs.drain, settings.shutdown_seconds / 2)
    bus = event_bus(settings)
    result = Background(database.ping, [finish, bus.close, world.close])
    relay = Relay(
        settings.database_url.get_secret_value(),
        schema="story",
        source=settings.source,
        publisher=bus.publisher(),
        registry=result.registry,
    )
    [name] = settings.consumers
    access = Consumer(
        name,
        bus.subscription(name, ["payment"]),
        {ACCESS_CHANGED: forgetting(AccessInvalidations(world.redis))},
        database,
        messaging,
    )
    result.jobs.extend(
        [
            relay.job(),
            access.job(),
            periodic("sweep-generations", sweep, seconds=_SWEEP_SECONDS),
            periodic("purge-logs", PurgeLogs(ports.start_work, ports.now), seconds=_PURGE_SECONDS),
            periodic("purge-stories", PurgeDeletedStories(ports.start_work, ports.now), seconds=_PURGE_SECONDS),
            periodic("forget-viewers", ForgetViewers(ports.start_work, ports.now), seconds=_PURGE_SECONDS),
            pruning(database, messaging),
            pruning_of_keys(database, idempotency_keys),
        ]
    )
    return result
