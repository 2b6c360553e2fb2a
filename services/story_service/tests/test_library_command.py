"""The library's editor: stories are written by the service's own writer, judged, and published by a person alone."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import pytest
import uvicorn
from sqlalchemy import text

from common_service.database import Database
from common_service.testing import NOWHERE, eventually
from sandbox.openai.app import create_app
from services.story_service.tests.memory import MemoryDatabase
from services.story_service.tests.memory_library import starter
from services.story_service.tests.worlds import READER, STORY_TEXT, UNSAFE, CountedWork, World, a_plan, in_pieces
from story_service.application.release import Mode
from story_service.domain.errors import WriterFailed
from story_service.domain.library import Shelf
from story_service.domain.premises import PREMISES
from story_service.infrastructure.moderators import OpenAIModerator
from story_service.infrastructure.openai_client import OpenAIClient, ProviderClients
from story_service.infrastructure.openai_writer import OpenAIWriter
from story_service.library import House, arguments, carry_out, house, run
from story_service.settings import Settings
from story_service.wiring.use_cases import Ports

pytestmark = pytest.mark.anyio
REVIEWER = "01a1fe00-0000-7000-8000-0000000000ed"


def editor(world: World, mode: Mode = Mode.HOLD_BACK, model: str = "gpt-5-mini") -> House:
    ports = Ports(world.start_work, world.subscriptions, world.writer, world.moderator, mode, world.clock)
    return house(ports, model)


async def told(tools: House, *words: str) -> tuple[int, str]:
    out = io.StringIO()
    code = await carry_out(arguments(list(words)), tools, out)
    return code, out.getvalue()


async def on_the_shelf(world: World) -> list[str]:
    found = await world.use.library.page(Shelf(), after=None, most=50)
    return [story.title for story in found]


async def test_what_is_generated_waits_until_a_person_approves_it(world: World) -> None:
    tools = editor(world)
    code, out = await told(tools, "generate", "--count", "2", "--truth-mode", "inspired", "--length", "short")
    assert (code, out.count("The Last Ferry")) == (0, 2)
    assert [PREMISES[n] in world.writer.asked[n][1][1].content for n in range(2)] == [True, True]
    assert await on_the_shelf(world) == [story.title for story in reversed(starter())]
    first, second = await tools.review.waiting(10)
    assert (await told(tools, "waiting"))[1].splitlines()[0].startswith(str(first.id))
    assert first.body in (await told(tools, "show", str(first.id)))[1]
    assert (await told(tools, "approve", str(first.id), "--reviewer", REVIEWER))[0] == 0
    assert (await on_the_shelf(world))[0] == "The Last Ferry"
    assert (await told(tools, "turn-down", str(second.id), "--reviewer", REVIEWER, "--reason", "dull"))[0] == 0
    assert (await told(tools, "waiting")) == (0, "")
    for words in (("show",), ("approve", "--reviewer", REVIEWER)):
        assert await told(tools, words[0], str(second.id), *words[1:]) == (1, "There is no such story.\n")
    plan = a_plan()
    world.subscriptions.plan = replace(plan, flags=plan.flags | {"library.full"})
    read = (await world.use.library.one(READER, first.id)).story
    assert (read.body, read.label) == (first.body, "AI-generated, inspired by real events")
    assert first.body.startswith(read.synopsis.removesuffix("…"))


async def test_a_blocked_text_is_not_kept(world: World) -> None:
    tools = editor(world)
    world.writer.scripts = [in_pieces(f"{STORY_TEXT}{UNSAFE}")]
    assert await told(tools, "generate") == (1, "1/1 not written: blocked: violence\n")
    assert await tools.review.waiting(10) == []


async def test_another_provider_stands_in_for_one_that_is_silent() -> None:
    store = MemoryDatabase()
    other = replace(store.models["gpt-5-mini"], model="stands-in", provider="other", rank=2)
    store.models = {**store.models, "stands-in": other}
    world = World(store.work)
    world.writer.scripts = [[WriterFailed("provider_timeout")], in_pieces(STORY_TEXT)]
    assert (await told(editor(world), "generate", "--length", "short"))[0] == 0
    assert [model for model, *_ in world.writer.asked] == ["gpt-5-mini", "stands-in"]


async def test_a_provider_that_fails_is_not_asked_for_ever(world: World) -> None:
    world.writer.scripts = [[WriterFailed("provider_unavailable")]]
    code, out = await told(editor(world), "generate", "--count", "50")
    assert (code, world.writer.calls) == (1, 3)
    assert "provider_unavailable" in out


async def test_a_text_without_title_or_too_short_is_no_story(world: World) -> None:
    world.writer.scripts = [["word " * 300], ["Title\n\nToo short."], in_pieces(STORY_TEXT)]
    code, out = await told(editor(world), "generate", "--count", "3")
    assert (code, out.count("text_unusable"), out.count("The Last Ferry")) == (1, 2, 1)


async def test_only_models_on_offer_write(world: World) -> None:
    code, out = await told(editor(world, model="gpt-9"), "generate")
    assert (code, "not offered" in out, world.writer.calls) == (1, True, 0)


async def test_where_the_policy_is_off_the_reviewer_is_told(world: World) -> None:
    tools = editor(world, Mode.OFF)
    world.moderator.is_down = True
    assert "not moderated" in (await told(tools, "generate"))[1]
    [story] = await tools.review.waiting(10)
    assert (await told(tools, "approve", str(story.id), "--reviewer", REVIEWER))[0] == 0
    assert (await on_the_shelf(world))[0] == story.title


async def test_of_two_reviewers_one_decides(world: World) -> None:
    tools = editor(world)
    await told(tools, "generate")
    [story] = await tools.review.waiting(10)
    approve = ("approve", str(story.id), "--reviewer", REVIEWER)
    assert sorted(code for code, _ in await asyncio.gather(*(told(tools, *approve) for _ in range(4)))) == [0, 1, 1, 1]


async def test_decisions_name_the_machine_and_the_reviewer(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    tools = editor(world)
    await told(tools, "generate", "--count", "2")
    first, second = await tools.review.waiting(10)
    await told(tools, "approve", str(first.id), "--reviewer", REVIEWER)
    await told(tools, "turn-down", str(second.id), "--reviewer", REVIEWER, "--reason", "gore")
    async with CountedWork(database) as work:
        kept = await work.session.execute(
            text(
                "SELECT stage, verdict, automated, decided_by, reason_codes FROM story.moderation_decisions ORDER BY id"
            )
        )
        by, nothing = UUID(REVIEWER), list[str]()
        machine = ("output", "allow", True, None, nothing)
        people = [("publish", "allow", False, by, nothing), ("publish", "block", False, by, ["gore"])]
        assert [tuple(row) for row in kept] == [machine, machine, *people]
        facts = await work.session.execute(text("SELECT type, payload::text FROM story.outbox"))
        assert [(row[0], "gore" in row[1]) for row in facts] == [("moderation.decided", True)]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["generate", "--count", "0"],
        ["generate", "--count", "101"],
        ["generate", "--truth-mode", "documented"],
        ["show", "x"],
        ["approve", REVIEWER],
        ["turn-down", REVIEWER, "--reviewer", REVIEWER],
        ["turn-down", REVIEWER, "--reviewer", REVIEWER, "--reason", "Too Bad"],
    ],
)
def test_a_wrong_command_line_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments(words)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.fixture
async def vendor() -> AsyncIterator[str]:
    """Serve the stand-in for OpenAI at full speed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(tokens_per_second=0), log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        await eventually(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


async def test_the_command_as_it_is_run(vendor: str, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    outside = {"database_url": database_url, "openai_base_url": f"{vendor}/v1", "openai_api_key": "sk-of-the-tests"}
    settings = Settings(**{**NOWHERE, **outside})
    assert await run(arguments(["generate", "--length", "short"]), settings) == 0
    story_id = capsys.readouterr().out.split()[1]
    assert await run(arguments(["approve", story_id, "--reviewer", REVIEWER]), settings) == 0
    assert capsys.readouterr().out.startswith(f"published: {story_id}")


async def test_over_the_providers_protocol(vendor: str) -> None:
    world, client = World(MemoryDatabase().work), OpenAIClient(f"{vendor}/v1", "sk-of-the-tests")
    moderator = OpenAIModerator(client, model="omni-moderation-latest", policy_version="1", thresholds={})
    ports: Any = Ports(
        world.start_work, world.subscriptions, OpenAIWriter(ProviderClients(client, {})), moderator, Mode.HOLD_BACK
    )
    tools = house(ports, "gpt-5-mini")
    code, out = await told(tools, "generate", "--count", "2", "--length", "short")
    assert (code, out.count("moderated")) == (0, 2), out
    async with httpx2.AsyncClient() as http:
        await http.post(f"{vendor}/_sandbox/faults", json={"kind": "500"})
    code, out = await told(tools, "generate")
    assert (code, "provider_unavailable" in out) == (1, True)
    assert len(await tools.review.waiting(10)) == 2
    await client.close()
