"""The use cases over ports, and what writes stories in a process."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from common_service.clock import Clock, utc_now
from common_service.ids import uuid7
from story_service.api.use_cases import UseCases
from story_service.application.accept_generations import AcceptGenerations
from story_service.application.admit_persona import AdmitPersona
from story_service.application.analysing.analyse_story import AnalyseStory
from story_service.application.analysing.analysis_generation import AnalysisGeneration
from story_service.application.cancel_generation import CancelGeneration
from story_service.application.catalog.read_catalog import Completions, ReadCatalog
from story_service.application.chain_writer import ChainWriter, Patience
from story_service.application.chat.converse import Converse
from story_service.application.close_generation import CloseGeneration
from story_service.application.continuing.continuation_kind import ContinuationKind
from story_service.application.continuing.continue_story import ContinueStory
from story_service.application.delete_story import DeleteStory
from story_service.application.detached import DetachedRuns
from story_service.application.follow_generation import PING_SECONDS, FollowGeneration
from story_service.application.generate_story import GenerateStory
from story_service.application.kinds import Kind, Kinds
from story_service.application.live import LiveGenerations
from story_service.application.model_ports import Health
from story_service.application.own_characters import OwnCharacters
from story_service.application.ports import Moderator, StartWork, StoryWriter, Subscriptions
from story_service.application.publishing.admit_text import AdmitText
from story_service.application.publishing.clone_story import CloneStory
from story_service.application.publishing.publish_story import PublishStory
from story_service.application.quote_call import QuoteCall
from story_service.application.read_characters import ReadCharacters
from story_service.application.read_ledger import ReadLedger
from story_service.application.read_library import ReadLibrary
from story_service.application.read_stories import ReadStories
from story_service.application.read_usage import ReadUsage
from story_service.application.release import Mode, ReleasePolicy
from story_service.application.revisions.revise_story import ReviseStory
from story_service.application.run_generation import RunGeneration
from story_service.application.stop_generation import StopGeneration
from story_service.application.story_kind import StoryKind
from story_service.domain.continuing.continuation import CONTINUATION, REWRITE
from story_service.domain.routing import Menu
from story_service.infrastructure.chat.work import chat_of
from story_service.infrastructure.provider_health import ProviderHealth


@dataclass(frozen=True, slots=True)
class Ports:
    """What the use cases stand on; `start_reading`, where it is another one, for those that change nothing."""

    start_work: StartWork
    subscriptions: Subscriptions
    writer: StoryWriter
    moderator: Moderator
    mode: Mode
    now: Clock = utc_now
    ping_seconds: float = PING_SECONDS
    completions: Completions = field(default_factory=Completions)
    keys: frozenset[str] = frozenset({"OPENAI_API_KEY"})
    patience: Patience = field(default_factory=Patience)
    more_kinds: Sequence[Kind] = ()
    start_reading: StartWork | None = None
    health: Health = field(default_factory=ProviderHealth)


@dataclass(frozen=True, slots=True)
class Engine:
    """What has models write in this process, for which kinds, and who follows."""

    kinds: Kinds
    live: LiveGenerations
    close: CloseGeneration
    runs: DetachedRuns


def _kinds(ports: Ports) -> Kinds:
    kinds: tuple[Kind, ...] = (
        StoryKind(ports.now),
        ContinuationKind(CONTINUATION, ports.now),
        ContinuationKind(REWRITE, ports.now),
        AnalysisGeneration(ports.now),
        *ports.more_kinds,
    )
    return {kind.name: kind for kind in kinds}


def engine(ports: Ports) -> Engine:
    """Wire the writing side, which the HTTP process and the worker share."""
    kinds = _kinds(ports)
    live, close = LiveGenerations(), CloseGeneration(kinds, ports.now)
    policy = ReleasePolicy(ports.mode, ports.moderator, uuid7)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    writer = ChainWriter(ports.writer, ports.health, ports.patience)
    run = RunGeneration(ports.start_work, writer, policy, close, live, kinds, owner, ports.now)
    return Engine(kinds, live, close, DetachedRuns(run))


def wire(ports: Ports, parts: Engine, *, model: str) -> UseCases:
    """Wire the use cases."""
    start_work, now = ports.start_work, ports.now
    start_reading = ports.start_reading or start_work
    subscriptions, kinds = ports.subscriptions, parts.kinds
    menu = Menu(model, ports.keys)
    accept = AcceptGenerations(start_work, subscriptions, ports.moderator, parts.runs, kinds, menu, now, uuid7)
    admit = AdmitPersona(start_work, ports.moderator, now, uuid7)
    return UseCases(
        generate=GenerateStory(accept, uuid7),
        follow=FollowGeneration(start_reading, parts.live, kinds, now, ports.ping_seconds),
        cancel=CancelGeneration(start_work, StopGeneration(parts.close, kinds), parts.runs, parts.live),
        stories=ReadStories(start_reading),
        delete=DeleteStory(start_work, now),
        revise=ReviseStory(start_work, now),
        go_on=ContinueStory(accept, uuid7),
        analyse=AnalyseStory(start_work, subscriptions, accept, uuid7),
        converse=Converse(accept, chat_of, uuid7),
        publish=PublishStory(start_work, subscriptions, AdmitText(start_work, ports.moderator, now, uuid7), now),
        clone=CloneStory(start_work, subscriptions, now, uuid7),
        library=ReadLibrary(start_work, subscriptions, now),
        catalog=ReadCatalog(start_reading, ports.completions),
        characters=ReadCharacters(start_reading),
        own_characters=OwnCharacters(start_work, subscriptions, admit, now, uuid7),
        usage=ReadUsage(start_reading, subscriptions, now),
        ledger=ReadLedger(start_reading, start_work),
        quote=QuoteCall(start_reading, subscriptions, menu, now),
    )
