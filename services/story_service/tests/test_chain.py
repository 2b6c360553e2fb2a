"""Which model writes: chosen on the server, replaced while its provider fails, never dearer than was quoted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from common_service.database import Database
from services.story_service.tests.memory import MODELS, MemoryDatabase
from services.story_service.tests.worlds import NOON, READER, STORY_TEXT, CountedWork, Script, World, a_plan, in_pieces
from story_service.application.attempts import AttemptKey
from story_service.application.chain_writer import ChainWriter, Patience
from story_service.application.generate_story import Ask
from story_service.domain.errors import ModelUnavailable, PlanUpgradeRequired, WriterFailed
from story_service.domain.generation import Generation, State
from story_service.domain.pricing import CatalogModel, Endpoint, Usage, quote_chain
from story_service.domain.prompt import Prompt
from story_service.domain.routing import Menu
from story_service.domain.story import Length, StoryRequest
from story_service.infrastructure.openai_client import OpenAIClient, ProviderClients
from story_service.infrastructure.provider_health import ProviderHealth

pytestmark = pytest.mark.anyio
MINI, LARGE = MODELS["gpt-5-mini"], MODELS["gpt-5"]
DEAR = CatalogModel("dear", "other", "standard", 10**6, 10**7, 3000, 128_000, 64_000, rank=2)
KEYLESS = replace(DEAR, model="keyless", endpoint=Endpoint("https://far.example/v1", "FAR_API_KEY"), rank=0)
SMALL = replace(DEAR, model="small", max_output_tokens=100, rank=0)
UNRANKED = replace(DEAR, model="unranked", rank=None)
ALL = [MINI, LARGE, DEAR, KEYLESS, SMALL, UNRANKED]
MENU = Menu("gpt-5-mini", frozenset({"OPENAI_API_KEY"}))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    database = MemoryDatabase()
    database.models = {model.model: model for model in ALL}
    world = World(database.work)
    yield world
    await world.engine.runs.drain(0)


async def ends(world: World, *scripts: Script) -> Generation:
    world.writer.scripts = list(scripts)
    return await world.ended(await world.ask())


def broken(code: str) -> Script:
    return [WriterFailed(code)]


def asked(world: World) -> list[str]:
    return [model for model, _, _ in world.writer.asked]


def test_a_chain_holds_what_can_take_the_place() -> None:
    assert [model.model for model in MENU.chain(ALL, MINI, 1000, 700)] == ["gpt-5-mini", "dear"]
    assert [model.model for model in MENU.chain(ALL, LARGE, 1000, 700)] == ["gpt-5"]
    assert [model.model for model in MENU.chain(ALL, MINI, 1_000_000, 700)] == ["gpt-5-mini"], "its window is too small"


def test_what_nobody_asked_for_is_the_default_or_the_first_there_is() -> None:
    assert MENU.choose(ALL, None) == MINI
    assert MENU.choose(ALL, "unranked") == UNRANKED
    assert MENU.choose(ALL, "keyless") is None
    assert MENU.choose([DEAR, UNRANKED], None) == DEAR
    assert MENU.choose([UNRANKED], None) is None


def test_the_dearest_of_a_chain_bounds_what_is_taken() -> None:
    terms = quote_chain([MINI, DEAR], 100, 700, {}, a_plan())
    assert (terms.price, terms.max_cost_micros, terms.models) == (2400, 7100, ("gpt-5-mini", "dear"))


@pytest.mark.parametrize("code", ["provider_rate_limited", "provider_unavailable", "provider_cut"])
async def test_one_that_fails_is_asked_once_more_and_then_another(world: World, code: str) -> None:
    ended = await ends(world, broken(code), broken(code), in_pieces(STORY_TEXT))
    assert asked(world) == ["gpt-5-mini", "gpt-5-mini", "dear"]
    assert (ended.state, ended.model, ended.provider) == (State.SUCCEEDED, "dear", "other")
    assert ended.price == 460 * 3 <= ended.quote.price
    assert (await world.settled())["tokens.month"] == ended.price
    assert await world.text(ended) == STORY_TEXT


@pytest.mark.parametrize("code", ["provider_timeout", "provider_rejected"])
async def test_one_that_is_silent_or_will_not_have_us_is_not_asked_again(world: World, code: str) -> None:
    assert (await ends(world, broken(code), in_pieces(STORY_TEXT))).model == "dear"
    assert asked(world) == ["gpt-5-mini", "dear"]


async def test_a_refusal_is_an_answer(world: World) -> None:
    assert (await ends(world, broken("provider_refused"))).error_code == "provider_refused"
    assert asked(world) == ["gpt-5-mini"]


async def test_after_the_first_word_there_is_no_other_try(world: World) -> None:
    ended = await ends(world, ["A word", WriterFailed("provider_cut")], in_pieces(STORY_TEXT))
    assert (ended.state, ended.error_code, asked(world)) == (State.FAILED, "provider_cut", ["gpt-5-mini"])


async def test_when_all_fail_nothing_is_charged(world: World) -> None:
    ended = await ends(world, broken("provider_unavailable"))
    assert (ended.state, ended.error_code) == (State.FAILED, "provider_unavailable")
    assert asked(world) == ["gpt-5-mini", "gpt-5-mini", "dear", "dear"]
    assert await world.settled() == {"stories.day": 0, "tokens.month": 0}


async def test_who_says_nothing_for_too_long_is_left(world: World) -> None:
    script: Script = [asyncio.Event()]
    world.writer.scripts = [script, in_pieces(STORY_TEXT)]
    writer = ChainWriter(world.writer, ProviderHealth(), Patience(first_word_seconds=0.05, pause_seconds=0))
    said = [piece async for piece in writer.write([MINI, DEAR], Prompt(()), 700)]
    assert said[0] == DEAR
    assert "".join(piece for piece in said if isinstance(piece, str)) == STORY_TEXT
    assert isinstance(said[-1], Usage)


async def first_of(world: World, health: ProviderHealth, script: Script) -> object:
    """Return which model writes, or the code of the failure, when the first that is asked answers by `script`."""
    world.writer.scripts = [script, in_pieces(STORY_TEXT)]
    writer = ChainWriter(world.writer, health, Patience(pause_seconds=0))
    try:
        return await anext(writer.write([MINI, DEAR], Prompt(()), 700))
    except WriterFailed as failure:
        return failure.code


async def test_a_provider_that_is_down_costs_nothing_until_it_is_back(world: World) -> None:
    now = 0.0
    health = ProviderHealth(lambda: now)
    for _ in range(20):
        assert await first_of(world, health, broken("provider_timeout")) == DEAR
    asked_before = len(asked(world))
    world.writer.scripts = [in_pieces(STORY_TEXT)]
    assert await first_of(world, health, in_pieces(STORY_TEXT)) == DEAR
    assert asked(world)[asked_before:] == ["dear"], "nobody waits for the one that is down"
    now = 5.0
    assert await first_of(world, health, in_pieces(STORY_TEXT)) == MINI, "one probe finds that it is back"
    assert await first_of(world, health, in_pieces(STORY_TEXT)) == MINI


async def test_when_every_provider_is_down_it_fails_at_once(world: World) -> None:
    health = ProviderHealth(lambda: 0.0)
    for _ in range(20):
        for model in (MINI, DEAR):
            health.record(model.provider, succeeded=False)
    assert await first_of(world, health, in_pieces(STORY_TEXT)) == "provider_unavailable"
    assert asked(world) == []


async def test_what_a_provider_will_not_have_does_not_count_against_it(world: World) -> None:
    health = ProviderHealth(lambda: 0.0)
    for _ in range(40):
        assert await first_of(world, health, broken("provider_rejected")) == DEAR
    assert health.allows(MINI.provider)


async def test_retries_end_where_their_budget_does(world: World) -> None:
    health = ProviderHealth(lambda: 0.0)
    while health.may_retry(MINI.provider):
        pass
    assert await first_of(world, health, broken("provider_unavailable")) == DEAR
    assert asked(world) == ["gpt-5-mini", "dear"]


@pytest.mark.parametrize(
    ("model", "refusal"), [("gpt-5", PlanUpgradeRequired), ("keyless", ModelUnavailable), ("none", ModelUnavailable)]
)
async def test_a_model_that_cannot_be_had_is_refused(world: World, model: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        await world.use.generate(
            Ask(READER, StoryRequest("A wish", length=Length.SHORT), model), AttemptKey("key", b"digest")
        )


async def test_models_without_a_key_are_not_on_the_list(world: World) -> None:
    listed = [(offered.model.model, offered.included) for offered in await world.use.quote.models(READER)]
    assert listed == [("dear", True), ("gpt-5", False), ("gpt-5-mini", True), ("small", True), ("unranked", True)]


async def test_the_shipped_rows_know_their_providers(database: Database) -> None:
    async with CountedWork(database) as work:
        offers = {model.model: model for model in await work.models.offers(NOON)}
        held = await work.models.held(["gpt-5-mini", "claude-haiku-4-5"], NOON)
    assert [model.model for model in MENU.offered(offers.values())] == ["gpt-5", "gpt-5-mini"]
    assert offers["gpt-5-mini"] == MINI
    assert [model.provider for model in held] == ["openai", "anthropic"]
    assert held[1].endpoint == Endpoint("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY", "max_tokens")
    assert {model.provider for model in offers.values()} == {"openai", "anthropic", "gemini", "groq", "deepseek"}


async def test_who_falls_back_is_written_down_before_a_word_leaves(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    generation = await world.ended(await world.ask())
    async with CountedWork(database) as work:
        assert not await work.generations.written_by(generation, DEAR), "it has ended"


async def test_a_client_goes_where_the_row_says_with_the_key_it_names() -> None:
    clients = ProviderClients(OpenAIClient("http://own.example/v1", "own"), {"FAR_API_KEY": "far"})
    far = clients.of(KEYLESS.endpoint)
    assert far is clients.of(KEYLESS.endpoint)
    assert (str(far.sdk.base_url), far.sdk.api_key) == ("https://far.example/v1/", "far")
    assert clients.of(MINI.endpoint).sdk.api_key == "own"
    with pytest.raises(WriterFailed, match="provider_rejected"):
        clients.of(Endpoint("https://elsewhere.example", "ELSEWHERE_API_KEY"))
    await clients.close()
