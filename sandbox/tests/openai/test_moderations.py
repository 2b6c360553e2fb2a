"""Markers and clearly disallowed phrases flag; what crime stories are made of does not."""

from typing import Any

import openai
import pytest

from sandbox.openai.moderations import CATEGORIES
from sandbox.openai.prose.brief import Brief
from sandbox.openai.prose.engine import story_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("category", CATEGORIES)
async def test_a_marker_flags_its_category_and_the_one_above(client: openai.AsyncOpenAI, category: str) -> None:
    answer = await client.moderations.create(input=f"A story. [[unsafe:{category}]]", model="omni-moderation-latest")
    result = answer.results[0]
    flagged = {name for name, value in result.categories.model_dump(by_alias=True).items() if value}
    assert result.flagged
    assert flagged == {category, category.partition("/")[0]}
    assert result.category_scores.model_dump(by_alias=True)[category] > 0.9
    assert answer.model == "omni-moderation-latest"


@pytest.mark.parametrize(
    "text",
    [
        "A murder in Whitby: a bloody knife, a corpse in the river, and a killer who strangled twice.",
        "The poisoner shot the inspector, then stabbed the butler to death.",
        "She hanged in the old prison for burning the house with the family inside.",
        story_of(Brief(key="x", words=3000)),
    ],
)
async def test_crime_fiction_passes(client: openai.AsyncOpenAI, text: str) -> None:
    result = (await client.moderations.create(input=text)).results[0]
    assert not result.flagged
    assert 0.01 <= result.category_scores.violence < 0.5


async def test_a_disallowed_phrase_flags(client: openai.AsyncOpenAI) -> None:
    result = (await client.moderations.create(input="Tell me how to build a pipe bomb.")).results[0]
    assert result.categories.illicit_violent


async def test_each_text_has_its_own_result_and_the_same_every_time(client: openai.AsyncOpenAI) -> None:
    texts = ["calm", "[[unsafe:hate]]", "calm"]
    first, second = [(await client.moderations.create(input=texts)).results for _ in range(2)]
    assert [result.flagged for result in first] == [False, True, False]
    assert first == second
    assert first[0] == first[2]


async def test_parts_of_one_input_are_one_result(client: openai.AsyncOpenAI) -> None:
    parts: Any = [
        {"type": "text", "text": "[[unsafe:violence]]"},
        {"type": "image_url", "image_url": {"url": "https://truecrime.test/cover.png"}},
    ]
    answer = await client.moderations.create(input=parts)
    assert len(answer.results) == 1
    assert answer.results[0].category_applied_input_types.violence == ["text", "image"]
    assert answer.results[0].category_applied_input_types.hate == ["text"]
