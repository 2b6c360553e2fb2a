"""A second kind on the same pipeline: several pieces in turn, a tail that is not shown, an end that nobody follows."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from services.story_service.tests.memory import MemoryDatabase
from services.story_service.tests.worlds import READER, UNSAFE, World, a_plan
from story_service.application.accept_generations import AcceptGenerations, Call
from story_service.application.attempts import AttemptKey
from story_service.application.kinds import Kind, Order, Output, Piece
from story_service.application.ports import StartWork, Work
from story_service.domain.access import GENERATE, Access
from story_service.domain.errors import QuotaExceeded
from story_service.domain.generation import Generation, State, Target
from story_service.domain.ids import GenerationId
from story_service.domain.pricing import Usage
from story_service.domain.prompt import Message, Prompt
from story_service.domain.tail import TailSplitter

pytestmark = pytest.mark.anyio
CALL = Call(READER)


@dataclass(frozen=True)
class NoteKind:
    """Keeps what it is given in a list."""

    kept: list[tuple[State, Output]]
    is_shown: bool = True
    mark: str | None = None
    name: str = "chat"

    def names(self, generation: Generation) -> dict[str, str]:
        return {"note_id": str(generation.target.id)}

    def location(self, generation: Generation) -> str:
        return f"/notes/{generation.target.id}"

    async def prompt(self, _: Work, generation: Generation) -> Prompt | None:
        if generation.request["number"] is None:
            return None
        before = [output.text for _, output in self.kept]
        return Prompt((Message("user", " ".join([*before, str(generation.request["number"])])),))

    def fault(self, _: Generation, output: Output) -> str | None:
        return "output_unusable" if output.text == "useless" else None

    async def keep(self, _: Work, closed: Generation, output: Output) -> dict[str, Any]:
        self.kept.append((closed.state, output))
        return {"suggestions": output.tail.split()}


@dataclass(frozen=True)
class Notes:
    """Asks for as many notes as it is told to."""

    numbers: Sequence[int | None]
    words: str = "Write"
    route: str = "POST /notes"
    flag: str = GENERATE
    saved: list[Generation] = field(default_factory=list)

    async def read(self, _: Work) -> Callable[[Access], Order]:
        return lambda _: Order(tuple(map(self._piece, self.numbers)), self.words, Target("note", uuid4()), self._save)

    async def _save(self, _: Work, generations: Sequence[Generation]) -> None:
        self.saved.extend(generations)

    def _piece(self, number: int | None) -> Piece:
        return Piece(GenerationId(uuid4()), "chat", Target("note", uuid4()), {"number": number}, 100, 50)


@dataclass
class Chat:
    world: World
    accept: AcceptGenerations
    kept: list[tuple[State, Output]]

    async def ask(self, *numbers: int | None, key: str = "key") -> tuple[Generation, ...]:
        return (await self.accept(CALL, Notes(numbers), AttemptKey(key, b"digest"))).generations


def chat(world: World, **how: Any) -> Chat:
    kept: list[tuple[State, Output]] = []
    kind: Kind = NoteKind(kept, **how)
    world.engine.kinds[kind.name] = kind  # type: ignore[index]  # the registry is read-only to the service alone
    return Chat(world, world.use.generate.accept, kept)


@pytest.fixture
async def small(start_work: StartWork) -> AsyncIterator[World]:
    world = World(start_work, plan=a_plan(at_once=1))
    yield world
    await world.engine.runs.drain(0)


async def test_one_after_another_each_reads_what_was_written_before(small: World) -> None:
    notes = chat(small)
    small.writer.scripts = [["first", Usage(3, 2)], ["second", Usage(3, 2)], ["third", Usage(3, 2)]]
    generations = await notes.ask(1, 2, 3)
    ends = [await small.ended(generation) for generation in generations]
    assert [end.state for end in ends] == [State.SUCCEEDED] * 3
    assert [messages[0].content for _, messages, _ in small.writer.asked] == ["1", "first 2", "first second 3"]
    assert (await small.settled())["tokens.month"] == 15


async def test_those_of_one_call_take_one_turn(small: World) -> None:
    notes = chat(small)
    small.writer.scripts = [["word", Usage(3, 2)]]
    await notes.ask(1, 2, 3)
    with pytest.raises(QuotaExceeded) as refusal:
        await notes.ask(4, key="another")
    assert refusal.value.used == 1


async def test_the_same_key_gives_the_same_generations(small: World) -> None:
    notes = chat(small)
    first = await notes.ask(1, 2)
    again = await notes.ask(1, 2)
    assert [one.id for one in again] == [one.id for one in first]
    assert [one.waits_for for one in again] == [None, first[0].id]


async def test_one_that_fails_does_not_stop_those_behind_it(small: World) -> None:
    notes = chat(small)
    small.writer.scripts = [["useless"], ["word", Usage(3, 2)]]
    first, second, gone = await notes.ask(1, 2, None)
    assert (await small.ended(first)).error_code == "output_unusable"
    assert (await small.ended(second)).state is State.SUCCEEDED
    assert (await small.ended(gone)).error_code == "target_gone"
    assert (await small.settled())["tokens.month"] == 5


async def test_cancelling_one_cancels_those_that_wait_for_it(small: World) -> None:
    notes = chat(small)
    first, second, third = await notes.ask(1, 2, 3)
    await small.use.cancel(READER, second.id)
    assert (await small.ended(first)).state is State.SUCCEEDED
    assert [(await small.generation(one.id)).state for one in (second, third)] == [State.CANCELLED] * 2
    assert (await small.settled())["tokens.month"] == (await small.generation(first.id)).price


@pytest.fixture
async def memory() -> AsyncIterator[World]:
    world = World(MemoryDatabase().work)
    yield world
    await world.engine.runs.drain(0)


async def test_a_tail_is_kept_and_not_shown(memory: World) -> None:
    notes = chat(memory, mark="[[next]]")
    memory.writer.scripts = [["A reply. [", "[ne", "xt]]Who? Why?", Usage(3, 2)]]
    [generation] = await notes.ask(1)
    await memory.ended(generation)
    log = await memory.log(generation)
    assert "".join(chunk.text for chunk in log) == "A reply. "
    done = json.loads(log[-1].data)
    assert (done["suggestions"], done["note_id"]) == (["Who?", "Why?"], str(generation.target.id))
    assert notes.kept == [(State.SUCCEEDED, Output("A reply. ", "Who? Why?"))]


async def test_a_tail_that_breaks_the_rules_blocks_the_whole(memory: World) -> None:
    notes = chat(memory, mark="[[next]]")
    memory.writer.scripts = [[f"A reply.[[next]]{UNSAFE}", Usage(3, 2)]]
    [generation] = await notes.ask(1)
    assert (await memory.ended(generation)).state is State.BLOCKED
    assert notes.kept == [(State.BLOCKED, Output(""))]


async def test_what_is_not_shown_is_judged_and_kept_whole(memory: World) -> None:
    notes = chat(memory, is_shown=False)
    memory.writer.scripts = [["{}" * 700, Usage(3, 2)]]
    [generation] = await notes.ask(1)
    await memory.ended(generation)
    assert [chunk.kind for chunk in await memory.log(generation)] == ["meta", "done"]
    assert notes.kept == [(State.SUCCEEDED, Output("{}" * 700))]
    assert sum(len(asked) for asked in memory.moderator.asked) > 1400


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "shown", "tail"),
    [("ab|c||d", "ab|c", "d"), ("ab|", "ab|", ""), ("|||x", "", "|x"), ("none", "none", "")],
)
def test_a_mark_is_known_wherever_it_is_cut(size: int, text: str, shown: str, tail: str) -> None:
    splitter = TailSplitter("||")
    out = "".join(splitter.add(text[at : at + size]) for at in range(0, len(text), size)) + splitter.rest()
    assert (out, splitter.tail) == (shown, tail)
