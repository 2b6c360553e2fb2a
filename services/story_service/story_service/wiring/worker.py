"""The worker's side: what happens without a request."""

from functools import partial

from common_auth.invalidation import AccessInvalidations
from common_events.bus import event_bus
from common_events.consumer import Consumer
from common_events.handlers import Handling
from common_events.pruning import pruning
from common_events.relay import Relay
from common_service.idempotency import pruning_of_keys
from common_service.jobs import periodic
from common_service.serving import Background
from story_service.application.catalog.keep_catalog import CountViews, ForgetRemovedEntries
from story_service.application.chat.change_conversation import PurgeConversations
from story_service.application.erasing.erase_readers import EraseReaders
from story_service.application.purge_stories import PurgeDeletedStories
from story_service.application.read_library import ForgetViewers
from story_service.application.release_reservations import ReleaseReservations
from story_service.application.stop_generation import StopGeneration
from story_service.application.stop_suspended import StopSuspended
from story_service.application.sweep_generations import PurgeLogs, SweepGenerations
from story_service.infrastructure.access_events import ACCESS_CHANGED, SOURCES, forgetting
from story_service.infrastructure.chat.work import SqlChatWork
from story_service.infrastructure.desk.work import SqlDeskWork
from story_service.infrastructure.erasing.work import SqlErasureWork
from story_service.infrastructure.tables import idempotency_keys, messaging
from story_service.infrastructure.user_events import standing_handlers, user_handlers
from story_service.settings import Settings
from story_service.wiring.desk import recheck
from story_service.wiring.outside import outside
from story_service.wiring.use_cases import engine

_SWEEP_SECONDS, _PURGE_SECONDS, _COUNT_SECONDS, _RECHECK_SECONDS, _ERASE_SECONDS = 2.0, 60.0, 3600.0, 5.0, 5.0


def background(settings: Settings) -> Background:
    """Build the worker's side: facts out, access in, and what dead processes left."""
    world = outside(settings)
    parts, ports, database = engine(world.ports), world.ports, world.around.database
    sweep = SweepGenerations(ports.start_work, parts.close, parts.runs, parts.live, ports.now)
    erasing = partial(SqlErasureWork, database)
    erase = EraseReaders(erasing, parts.close, parts.runs, parts.live, ports.now)
    finish = partial(parts.runs.drain, settings.shutdown_seconds / 2)
    chat = partial(SqlChatWork, database)
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
    heard: dict[str, Handling] = {
        ACCESS_CHANGED: forgetting(AccessInvalidations(world.redis)),
        **user_handlers(),
        **standing_handlers(StopSuspended(StopGeneration(parts.close, parts.kinds))),
    }
    access = Consumer(name, bus.subscription(name, SOURCES), heard, database, messaging)
    result.jobs.extend(
        [
            relay.job(),
            access.job(),
            periodic("sweep-generations", sweep, seconds=_SWEEP_SECONDS),
            periodic("release-reservations", ReleaseReservations(ports.start_work, ports.now), seconds=_PURGE_SECONDS),
            periodic("purge-logs", PurgeLogs(ports.start_work, ports.now), seconds=_PURGE_SECONDS),
            periodic("purge-stories", PurgeDeletedStories(ports.start_work, ports.now), seconds=_PURGE_SECONDS),
            periodic("purge-conversations", PurgeConversations(chat, ports.now), seconds=_PURGE_SECONDS),
            periodic("forget-viewers", ForgetViewers(ports.start_work, ports.now), seconds=_PURGE_SECONDS),
            periodic(
                "forget-removed-entries", ForgetRemovedEntries(ports.start_work, ports.now), seconds=_PURGE_SECONDS
            ),
            periodic("count-views", CountViews(ports.start_work, ports.now), seconds=_COUNT_SECONDS),
            periodic("recheck-stories", recheck(lambda: SqlDeskWork(database), ports.now), seconds=_RECHECK_SECONDS),
            periodic("erase-readers", erase, seconds=_ERASE_SECONDS),
            pruning(database, messaging),
            pruning_of_keys(database, idempotency_keys),
        ]
    )
    return result
