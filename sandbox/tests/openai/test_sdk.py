"""Every answer as the vendor's SDK reads it under strict validation."""

import asyncio
import json
from typing import Any

import httpx2
import jsonschema_rs
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from sandbox.openai import tokens

pytestmark = pytest.mark.anyio

ASKED = "Write a true crime story of about 300 words set in Whitby. Give it a title."
MODEL = "gpt-4o-mini"


def messages(prompt: str = ASKED) -> Any:
    return [{"role": "system", "content": "You write true crime."}, {"role": "user", "content": prompt}]


async def test_a_completion_is_whole_and_its_usage_exact(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model=MODEL, messages=messages(), temperature=1.3)
    text = answer.choices[0].message.content
    assert text
    assert answer.usage
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == tokens.count(text)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert 255 <= len(text.split()) <= 345
    assert "Whitby" in text


async def test_a_stream_says_the_same_one_token_at_a_time(client: openai.AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(model=MODEL, messages=messages())
    stream = await client.chat.completions.create(
        model=MODEL, messages=messages(), stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    pieces = [chunk.choices[0].delta.content for chunk in chunks[1:-2]]
    assert "".join(piece or "" for piece in pieces) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert whole.usage
    assert len(pieces) == whole.usage.completion_tokens
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_without_include_usage_there_is_none(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model=MODEL, messages=messages(), stream=True)
    assert all([chunk.usage is None and chunk.choices async for chunk in stream])


@pytest.mark.parametrize("limit", [{"max_tokens": 40}, {"max_completion_tokens": 40}])
async def test_a_limit_cuts_at_that_token(client: openai.AsyncOpenAI, limit: dict[str, Any]) -> None:
    answer = await client.chat.completions.create(model=MODEL, messages=messages(), **limit)
    assert answer.usage
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", 40)


async def test_a_story_that_asks_no_length_ends_within_the_limit(client: openai.AsyncOpenAI) -> None:
    for n in range(8):
        answer = await client.chat.completions.create(
            model=MODEL, messages=messages(f"A true crime story, case {n}."), max_tokens=500
        )
        assert answer.choices[0].finish_reason == "stop"


async def test_seed_and_prompt_decide_the_text(client: openai.AsyncOpenAI) -> None:
    async def text(prompt: str, seed: int) -> str | None:
        answer = await client.chat.completions.create(model=MODEL, messages=messages(prompt), seed=seed)
        return answer.choices[0].message.content

    assert await text(ASKED, 1) == await text(ASKED, 1)
    assert len({await text(ASKED, 1), await text(ASKED, 2), await text("A story of a fire.", 1)}) == 3


async def test_a_stop_word_ends_the_text_before_it(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model=MODEL, messages=messages(), stop=["\n"])
    assert "\n" not in (answer.choices[0].message.content or "\n")


SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "story", "year", "tags", "people", "verdict", "note", "id", "score", "rating"],
    "properties": {
        "title": {"type": "string", "minLength": 3, "maxLength": 60},
        "story": {"type": "string", "minLength": 200},
        "year": {"type": "integer", "minimum": 1900, "maximum": 1999},
        "tags": {"type": "array", "minItems": 2, "maxItems": 3, "items": {"enum": ["cold case", "poison", "fire"]}},
        "people": {"type": "array", "minItems": 1, "maxItems": 4, "items": {"$ref": "#/$defs/person"}},
        "verdict": {"anyOf": [{"type": "null"}, {"const": "guilty"}]},
        "note": {"type": ["string", "null"]},
        "id": {"type": "string", "format": "uuid"},
        "score": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "rating": {"type": "integer", "multipleOf": 5, "minimum": 1, "maximum": 100},
    },
    "$defs": {
        "person": {
            "type": "object",
            "required": ["name", "code", "knows"],
            "properties": {
                "name": {"type": "string"},
                "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
                "knows": {"type": "array", "items": {"$ref": "#/$defs/person"}},
            },
        }
    },
}


@pytest.mark.parametrize("seed", range(12))
async def test_structured_output_satisfies_its_schema(client: openai.AsyncOpenAI, seed: int) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "case", "strict": True, "schema": SCHEMA}}
    answer = await client.chat.completions.create(model=MODEL, messages=messages(), response_format=form, seed=seed)
    value = json.loads(answer.choices[0].message.content or "")
    jsonschema_rs.validate(SCHEMA, value)
    assert isinstance(value["story"], str)


async def test_json_object_is_an_object(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model=MODEL, messages=messages(), response_format={"type": "json_object"}
    )
    assert set(json.loads(answer.choices[0].message.content or "")) == {"title", "story"}


async def test_a_response_and_its_stream_say_the_same(client: openai.AsyncOpenAI) -> None:
    whole = await client.responses.create(model=MODEL, input=ASKED, instructions="You write true crime.")
    stream = await client.responses.create(model=MODEL, input=ASKED, instructions="You write true crime.", stream=True)
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    last = events[-1]
    assert last.type == "response.completed"
    assert whole.usage
    assert (last.response.output_text, last.response.usage) == (whole.output_text, whole.usage)
    assert whole.usage.output_tokens == tokens.count(whole.output_text)


async def test_a_response_that_reaches_its_limit_is_incomplete(client: openai.AsyncOpenAI) -> None:
    answer = await client.responses.create(
        model=MODEL, input=[{"role": "user", "content": [{"type": "input_text", "text": ASKED}]}], max_output_tokens=30
    )
    assert (answer.status, answer.usage and answer.usage.output_tokens) == ("incomplete", 30)
    stream = await client.responses.create(model=MODEL, input=ASKED, max_output_tokens=30, stream=True)
    assert [event.type async for event in stream][-1] == "response.incomplete"


async def test_models_are_listed_and_an_unknown_one_is_not_found(client: openai.AsyncOpenAI) -> None:
    assert MODEL in [model.id async for model in client.models.list()]
    assert (await client.models.retrieve(MODEL)).id == MODEL
    for call in (client.models.retrieve("no-such"), client.responses.create(model="no-such", input="x")):
        with pytest.raises(openai.NotFoundError) as caught:
            await call
        assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    "body",
    [
        {"messages": []},
        {"n": 2},
        {"max_tokens": 0},
        {"stream_options": {"include_usage": True}},
        {"messages": [{"role": "ghost", "content": "x"}]},
        {"response_format": {"type": "poem"}},
    ],
)
async def test_a_wrong_request_is_refused_as_openai_refuses_it(
    client: openai.AsyncOpenAI, body: dict[str, Any]
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(**{"model": MODEL, "messages": messages(), **body})
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id


async def test_a_key_is_needed(address: str) -> None:
    async with openai.AsyncOpenAI(api_key="sk-invalid", base_url=f"{address}/v1", max_retries=0) as wrong:
        with pytest.raises(openai.AuthenticationError) as caught:
            await wrong.chat.completions.create(model=MODEL, messages=messages())
        assert caught.value.code == "invalid_api_key"
    async with httpx2.AsyncClient() as nobody:
        answer = await nobody.post(f"{address}/v1/moderations", json={"input": "x"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")
        unknown = await nobody.get(f"{address}/v1/nothing")
        assert (unknown.status_code, unknown.json()["error"]["message"]) == (404, "Invalid URL (GET /v1/nothing)")


async def test_the_page_says_that_it_is_no_model(address: str) -> None:
    async with httpx2.AsyncClient() as person:
        answer = await person.get(address)
    assert answer.status_code == 200
    assert "This is not a language model." in answer.text


async def test_many_streams_at_once_are_told_apart(client: openai.AsyncOpenAI) -> None:
    async def read(n: int) -> str:
        stream = await client.chat.completions.create(
            model=MODEL, messages=messages(f"Case {n}. 200 words."), stream=True
        )
        chunks: list[ChatCompletionChunk] = [chunk async for chunk in stream]
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    assert len(set(await asyncio.gather(*(read(n) for n in range(16))))) == 16


@pytest.mark.parametrize("limit", [1, 3, 20])
async def test_a_tiny_limit_is_used_up(client: openai.AsyncOpenAI, limit: int) -> None:
    answer = await client.chat.completions.create(model=MODEL, messages=messages("A story"), max_tokens=limit)
    assert answer.usage
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", limit)
