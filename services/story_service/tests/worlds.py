"""What stands around the service in tests: scripted network ports, and builders with defaults."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from common_service.ids import uuid7
from services.story_service.tests.memory import assert_no_open_work, open_works
from story_service.api.use_cases import UseCases
from story_service.application.attempts import AttemptKey
from story_service.application.chain_writer import Patience
from story_service.application.generate_story import Ask
from story_service.application.kinds import Kind
from story_service.application.ports import StartWork, StoryWriter, Subscriptions
from story_service.application.release import Mode
from story_service.application.story_kind import STORY, request_document
from story_service.application.sweep_generations import SweepGenerations
from story_service.domain.access import Access, Limit
from story_service.domain.chunks import Chunk
from story_service.domain.drafts import opening
from story_service.domain.errors import ModerationUnavailable
from story_service.domain.generation import Generation, Target
from story_service.domain.ids import GenerationId, StoryId, UserId
from story_service.domain.ledger import first_bad
from story_service.domain.moderation import Verdict
from story_service.domain.pricing import CatalogModel, MeterQuote, Quote, Usage
from story_service.domain.prompt import Message, Prompt
from story_service.domain.story import Length, Story, StoryRequest, TruthMode
from story_service.domain.usage import CONCURRENT, RETAINED, STORIES, TOKENS
from story_service.infrastructure.work import SqlStoryWork
from story_service.wiring.use_cases import Engine, Ports, engine, wire

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
READER = UserId(UUID("01a1fe00-0000-7000-8000-000000000001"))
OTHER = UserId(UUID("01a1fe00-0000-7000-8000-000000000002"))
STORY_TEXT = "The Last Ferry\n\nNobody saw the keeper leave. " + "The harbour kept its silence for years. " * 40
UNSAFE = "[[unsafe:violence]]"
Script = list[str | Usage | Exception | asyncio.Event]


class CountedWork(SqlStoryWork):
    """A Postgres work that fakes of the network can see open."""

    async def __aenter__(self) -> Self:
        open_works.set(open_works.get() + 1)
        return await super().__aenter__()

    async def __aexit__(self, *error: object) -> None:
        open_works.set(open_works.get() - 1)
        await self.session.close()


@dataclass
class ScriptedWriter:
    """Plays a script per call: text, usage, errors to raise, events to wait for. The last script repeats."""

    scripts: list[Script] = field(default_factory=lambda: [in_pieces(STORY_TEXT)])
    calls: int = 0
    asked: list[tuple[str, tuple[Message, ...], int]] = field(default_factory=list)
    started: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def write(self, model: CatalogModel, prompt: Prompt, most_tokens: int) -> AsyncGenerator[str | Usage, None]:
        assert_no_open_work()
        self.started.release()
        self.calls += 1
        self.asked.append((model.model, prompt.messages, most_tokens))
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        for step in script:
            await asyncio.sleep(0)
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif isinstance(step, Exception):
                raise step
            else:
                yield step


@dataclass
class WordModerator:
    """Blocks texts with the mark; remembers what it was asked."""

    provider: str = "words"
    policy_version: str = "test-1"
    is_down: bool = False
    asked: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def judge(self, text: str) -> Verdict:
        assert_no_open_work()
        self.asked.append(text)
        if self.meanwhile:
            await self.meanwhile()
        await asyncio.sleep(0)
        if self.is_down:
            raise ModerationUnavailable
        return Verdict(("violence",), {"violence": 950}) if UNSAFE in text else Verdict()


@dataclass
class KnownSubscriptions:
    """Everybody has the plan, unless said otherwise."""

    plan: Access
    others: dict[UserId, Access] = field(default_factory=dict)

    async def access(self, user_id: UserId) -> Access:
        assert_no_open_work()
        return self.others.get(user_id, self.plan)


@dataclass
class Clock:
    """Stands at noon until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


class World:
    """The service over one store, with everything outside scripted."""

    def __init__(
        self,
        start_work: StartWork,
        *,
        mode: Mode = Mode.HOLD_BACK,
        plan: Access | None = None,
        more_kinds: Callable[[Clock], Sequence[Kind]] = lambda _: (),
        provider: StoryWriter | None = None,
        first_word_seconds: float = 5.0,
        gate: Subscriptions | None = None,
    ) -> None:
        self.start_work, self.clock = start_work, Clock()
        self.writer, self.moderator = ScriptedWriter(), WordModerator()
        self.subscriptions = KnownSubscriptions(plan or a_plan())
        patience, kinds = Patience(first_word_seconds=first_word_seconds, pause_seconds=0), more_kinds(self.clock)
        outside = start_work, gate or self.subscriptions, provider or self.writer, self.moderator
        ports = Ports(*outside, mode, self.clock, patience=patience, more_kinds=kinds)
        self.completions = ports.completions
        self.engine: Engine = engine(ports)
        self.engine.live.hears_others = True
        self.use: UseCases = wire(ports, self.engine, model="gpt-5-mini")
        parts = self.engine
        self.sweep = SweepGenerations(start_work, parts.close, parts.runs, parts.live, self.clock)

    async def ask(
        self, key: str = "key-1", *, user_id: UserId = READER, prompt: str = "A keeper vanishes"
    ) -> Generation:
        """Have a story accepted."""
        ask = Ask(user_id, StoryRequest(prompt, length=Length.SHORT))
        return (await self.use.generate(ask, AttemptKey(key, prompt.encode()))).generation

    async def ended(self, generation: Generation) -> Generation:
        """Wait until it is closed, and return it."""
        async with asyncio.timeout(60):
            async for _ in self.use.follow(generation, 0):
                pass
        await self.engine.runs.drain(5)
        return await self.generation(generation.id)

    async def kill(self, generation: Generation) -> None:
        """Break the run off as the death of its process does: nothing is closed or given back."""
        self.engine.runs.stop(generation.id)
        await self.engine.runs.drain(5)

    async def generation(self, generation_id: GenerationId) -> Generation:
        async with self.start_work() as work:
            found = await work.generations.find(generation_id)
        assert found is not None
        return found

    async def log(self, generation: Generation) -> list[Chunk]:
        async with self.start_work() as work:
            return await work.generations.log(generation.id, 0)

    async def text(self, generation: Generation) -> str:
        return "".join(chunk.text for chunk in await self.log(generation))

    async def until_text(self, generation: Generation) -> None:
        """Wait until something was delivered."""
        async with asyncio.timeout(60):
            async for chunk in self.use.follow(generation, 0):
                if chunk and chunk.kind == "delta":
                    return

    async def until_called(self) -> None:
        """Wait for the next call of the model that was not waited for yet."""
        async with asyncio.timeout(60):
            await self.writer.started.acquire()

    async def settled(self, user_id: UserId = READER) -> dict[str, int]:
        """Return what each meter was charged; fail if anything is still held or the books disagree."""
        report = await self.use.usage(user_id)
        async with self.start_work() as work:
            entries = await work.usage.entries(user_id)
        assert first_bad(entries) is None
        for reading in report.meters:
            if reading.window:
                assert reading.now.reserved == 0
                posted = [entry.posting for entry in entries if entry.posting.meter == reading.meter]
                assert sum(p.amount for p in posted if p.kind == "settle") == reading.now.settled
        return {reading.meter: reading.now.settled for reading in report.meters if reading.window}


def in_pieces(text: str, size: int = 7) -> Script:
    """Cut a text as a model would, with its usage at the end."""
    pieces: Script = [text[at : at + size] for at in range(0, len(text), size)]
    return [*pieces, Usage(60, 400)]


def a_plan(*, stories: int | None = 10, tokens: int | None = 2_000_000, at_once: int = 100, kept: int = 100) -> Access:
    limits = {
        STORIES: Limit(stories, "day"),
        TOKENS: Limit(tokens, "period"),
        CONCURRENT: Limit(at_once, "concurrent"),
        RETAINED: Limit(kept, "total"),
    }
    return Access(3, True, "pro", "active", frozenset({"story.generate"}), limits, plans_on_offer=("pro", "max"))


def with_shelf(room: int | None = 5, *, kept: int = 100) -> Access:
    """Return a plan that reads the library, analyses, and keeps some published stories and copies."""
    plan = a_plan(kept=kept)
    limits = {**plan.limits, "stories.published": Limit(room, "total")}
    return replace(plan, limits=limits, flags=plan.flags | {"library.full", "story.analyze"})


def no_plan() -> Access:
    return Access(1, False, "free", "none", plans_on_offer=("pro", "max"))


def a_generation(*, user_id: UserId = READER, at: datetime = NOON) -> Generation:
    meters = {STORIES: MeterQuote(1, 10, 9), TOKENS: MeterQuote(1000, None)}
    return Generation(
        GenerationId(uuid7()),
        user_id,
        STORY,
        Target("story", uuid7()),
        "gpt-5-mini",
        "openai",
        request_document(StoryRequest("A keeper vanishes", TruthMode.INSPIRED, Length.LONG, "cold"), 1),
        Quote(meters, 2500, 700),
        3,
        at,
        last_seq=1,
    )


def story_of(generation: Generation) -> StoryId:
    return StoryId(generation.target.id)


def a_story(generation: Generation) -> Story:
    return Story(
        story_of(generation),
        generation.user_id,
        generation.id,
        TruthMode(generation.request["truth_mode"]),
        generation.created_at,
        generation.created_at,
    )


async def stored(start_work: StartWork, generation: Generation) -> None:
    """Put a generation and its story into the store."""
    async with start_work() as work:
        await work.generations.add(generation, opening(generation, {}))
        await work.stories.add(a_story(generation))
        await work.commit()
