"""Writing: every end that the table of 9.2 knows, over both stores."""

import asyncio
import json

import pytest

from services.story_service.tests.worlds import READER, STORY_TEXT, UNSAFE, Script, World, a_plan, in_pieces, story_of
from story_service.application.ports import StartWork
from story_service.application.release import Mode
from story_service.domain.errors import AlreadyClosed, StoryUnknown, WriterFailed
from story_service.domain.generation import Billing, Generation, State
from story_service.domain.pricing import Usage
from story_service.domain.story import StoryState

pytestmark = pytest.mark.anyio
NOTHING = {"stories.day": 0, "tokens.month": 0}


async def ends(world: World, *script: Script) -> Generation:
    world.writer.scripts = list(script)
    return await world.ended(await world.ask())


def is_free(generation: Generation, state: State, code: str) -> bool:
    return (generation.state, generation.billing, generation.error_code) == (state, Billing.RELEASED, code)


async def test_the_events_are_meta_deltas_done(world: World) -> None:
    generation = await world.ended(await world.ask())
    log = await world.log(generation)
    assert [chunk.seq for chunk in log] == list(range(1, len(log) + 1))
    assert (log[0].kind, log[-1].kind) == ("meta", "done")
    assert {chunk.kind for chunk in log[1:-1]} == {"delta"}
    assert await world.text(generation) == STORY_TEXT
    meta = json.loads(log[0].data)
    assert (meta["generation_id"], meta["story_id"]) == (str(generation.id), str(story_of(generation)))
    assert meta["model"] == "gpt-5-mini"
    assert json.loads(log[1].data) == {"t": "The Last Ferry\n\n"}
    assert json.loads(log[-1].data) == {
        "state": "succeeded",
        "billing": "settled",
        "usage": {"prompt_tokens": 60, "completion_tokens": 400, "total_tokens": 460, "estimated": False},
        "price": 460,
        "remaining": {"stories.day": 9, "tokens.month": 1_999_540},
        "story_id": str(story_of(generation)),
    }


@pytest.mark.parametrize("code", ["provider_unavailable", "provider_timeout", "provider_cut", "provider_refused"])
@pytest.mark.parametrize("words", [0, 150])
async def test_a_failing_provider_is_our_loss(world: World, code: str, words: int) -> None:
    script: Script = [*in_pieces(STORY_TEXT)[:words], WriterFailed(code)]
    generation = await ends(world, script)
    assert is_free(generation, State.FAILED, code)
    assert await world.settled() == NOTHING
    log = await world.log(generation)
    assert [chunk.kind for chunk in log[-2:]] == ["error", "done"]
    assert json.loads(log[-2].data) == {"code": code}
    story = await world.use.stories.one(READER, story_of(generation))
    assert story.state is StoryState.FAILED
    assert STORY_TEXT.startswith(await world.text(generation))


async def test_an_empty_answer_is_a_failure(world: World) -> None:
    assert is_free(await ends(world, [Usage(60, 0)]), State.FAILED, "provider_empty")
    assert await world.settled() == NOTHING


async def test_untold_usage_is_estimated_and_says_so(world: World) -> None:
    generation = await ends(world, in_pieces(STORY_TEXT)[:-1])
    assert generation.usage is not None
    assert generation.usage.estimated
    assert generation.usage.completion_tokens == -(-len(STORY_TEXT) // 4)
    assert (await world.settled())["tokens.month"] == generation.usage.total


async def test_usage_over_the_quote_is_ours(world: World) -> None:
    generation = await ends(world, [*in_pieces(STORY_TEXT)[:-1], Usage(100_000, 900_000)])
    most = generation.quote.meters["tokens.month"].most
    assert generation.price == most
    assert (await world.settled())["tokens.month"] == most


@pytest.mark.parametrize("at", [0, 30, 300, 700, 1500])
async def test_a_blocked_window_never_leaves(world: World, at: int) -> None:
    generation = await ends(world, in_pieces(STORY_TEXT[:at] + UNSAFE + STORY_TEXT[at:]))
    assert is_free(generation, State.BLOCKED, "output_blocked")
    assert await world.settled() == NOTHING
    wire = "".join(chunk.data for chunk in await world.log(generation))
    assert UNSAFE not in wire
    assert STORY_TEXT.startswith(await world.text(generation))


async def test_a_mark_across_two_windows_is_seen(world: World) -> None:
    head = "A title\n\nA sentence."
    text = head + "y" * 595 + UNSAFE + "z" * 700
    assert is_free(await ends(world, in_pieces(text)), State.BLOCKED, "output_blocked")


async def test_without_a_verdict_nothing_leaves(world: World) -> None:
    gate = asyncio.Event()
    world.writer.scripts = [[gate, *in_pieces(STORY_TEXT)]]
    generation = await world.ask()
    await world.until_called()
    world.moderator.is_down = True
    gate.set()
    assert is_free(await world.ended(generation), State.FAILED, "moderation_unavailable")
    assert await world.text(generation) == ""


async def test_cancelled_before_the_first_word_costs_nothing(world: World) -> None:
    world.writer.scripts = [[asyncio.Event()]]
    generation = await world.ask()
    await world.until_called()
    cancelled = await world.use.cancel(READER, generation.id)
    assert (cancelled.state, cancelled.billing) == (State.CANCELLED, Billing.RELEASED)
    assert await world.settled() == NOTHING


async def test_cancelled_after_the_first_word_costs_what_was_delivered(world: World) -> None:
    world.writer.scripts = [[*in_pieces(STORY_TEXT)[:60], asyncio.Event()]]
    generation = await world.ask()
    await world.until_text(generation)
    cancelled = await world.use.cancel(READER, generation.id)
    assert (cancelled.state, cancelled.billing) == (State.CANCELLED, Billing.SETTLED)
    delivered = await world.text(generation)
    assert cancelled.usage is not None
    assert cancelled.usage.completion_tokens == -(-len(delivered) // 4)
    assert (await world.settled())["tokens.month"] == cancelled.price > 0
    kinds = [chunk.kind for chunk in await world.log(generation)]
    assert kinds[-1] == "done"
    assert "error" not in kinds


async def test_cancelling_twice_is_refused(world: World) -> None:
    generation = await world.ended(await world.ask())
    with pytest.raises(AlreadyClosed):
        await world.use.cancel(READER, generation.id)


async def test_eight_racing_closers_close_once(world: World) -> None:
    world.writer.scripts = [[asyncio.Event()]]
    generation = await world.ask()
    await world.until_called()
    answers = await asyncio.gather(*(world.use.cancel(READER, generation.id) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(answer, AlreadyClosed) for answer in answers) == 7
    assert [chunk.kind for chunk in await world.log(generation)].count("done") == 1
    assert await world.settled() == NOTHING


async def test_a_finished_story_of_a_deleted_row_is_still_settled(world: World) -> None:
    gate = asyncio.Event()
    world.writer.scripts = [[gate, *in_pieces(STORY_TEXT)]]
    generation = await world.ask()
    await world.use.delete(READER, story_of(generation))
    gate.set()
    assert (await world.ended(generation)).state is State.SUCCEEDED
    with pytest.raises(StoryUnknown):
        await world.use.stories.latest(READER)
    assert (await world.settled())["stories.day"] == 1


async def test_more_streams_than_connections_all_end(world: World) -> None:
    gate = asyncio.Event()
    world.writer.scripts = [[gate, *in_pieces(STORY_TEXT)]]
    world.subscriptions.plan = a_plan(stories=100)
    generations = [await world.ask(f"key-{n}") for n in range(30)]
    gate.set()
    ended = await asyncio.gather(*(world.ended(generation) for generation in generations))
    assert {generation.state for generation in ended} == {State.SUCCEEDED}
    assert (await world.settled())["stories.day"] == 30


@pytest.mark.parametrize("mode", [Mode.CONCURRENT, Mode.OFF])
async def test_other_policies_release_at_once(start_work: StartWork, mode: Mode) -> None:
    world = World(start_work, mode=mode)
    generation = await world.ended(await world.ask())
    assert generation.state is State.SUCCEEDED
    assert await world.text(generation) == STORY_TEXT
    assert bool(world.moderator.asked[1:]) is (mode is Mode.CONCURRENT)


async def test_concurrent_release_is_cut_on_a_verdict(start_work: StartWork) -> None:
    world = World(start_work, mode=Mode.CONCURRENT)
    world.writer.scripts = [in_pieces(STORY_TEXT[:300] + UNSAFE + STORY_TEXT[300:])]
    assert is_free(await world.ended(await world.ask()), State.BLOCKED, "output_blocked")
    assert await world.settled() == NOTHING


async def test_what_was_cut_on_a_verdict_is_not_kept_either(start_work: StartWork) -> None:
    world = World(start_work, mode=Mode.CONCURRENT)
    world.writer.scripts = [in_pieces(STORY_TEXT[:300] + UNSAFE + STORY_TEXT[300:])]
    generation = await world.ended(await world.ask())
    assert UNSAFE not in (await world.use.stories.one(READER, story_of(generation))).body


async def test_a_provider_that_counts_nothing_is_not_believed(world: World) -> None:
    world.writer.scripts = [[*in_pieces(STORY_TEXT)[:-1], Usage(0, 0)]]
    ended = await world.ended(await world.ask())
    assert ended.usage is not None
    assert (ended.state, ended.usage.estimated) == (State.SUCCEEDED, True)
    assert (await world.settled())["tokens.month"] == ended.price > 0
