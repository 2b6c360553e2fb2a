"""The rate is kept, a client that leaves ends the work, and each fault is what its name says."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import pytest

pytestmark = pytest.mark.anyio

ASKED: Any = [{"role": "user", "content": "A true crime story of 200 words, in Whitby."}]
MODEL = "gpt-4o-mini"


@pytest.fixture
async def switches(address: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=f"{address}/_sandbox") as client:
        yield client


async def set_fault(switches: httpx2.AsyncClient, kind: str, **settings: Any) -> None:
    answer = await switches.post("/faults", json={"kind": kind, **settings})
    assert answer.status_code == 201, answer.text


async def read(client: openai.AsyncOpenAI, limit: int = 60) -> tuple[str, int | None]:
    stream = await client.chat.completions.create(
        model=MODEL, messages=ASKED, max_tokens=limit, stream=True, stream_options={"include_usage": True}
    )
    text, used = "", None
    async for chunk in stream:
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
        if chunk.usage:
            used = chunk.usage.completion_tokens
    return text, used


async def test_sixty_four_streams_keep_the_rate(client: openai.AsyncOpenAI, switches: httpx2.AsyncClient) -> None:
    await switches.post("/rate", json={"tokens_per_second": 50})
    start = time.perf_counter()
    results = await asyncio.gather(*(read(client, 51) for _ in range(64)))
    assert 1.0 <= time.perf_counter() - start < 4.0
    assert {used for _, used in results} == {51}


async def test_the_first_token_does_not_wait_for_the_last(
    client: openai.AsyncOpenAI, switches: httpx2.AsyncClient
) -> None:
    await switches.post("/rate", json={"tokens_per_second": 10})
    start = time.perf_counter()
    stream = await client.chat.completions.create(model=MODEL, messages=ASKED, max_tokens=10, stream=True)
    seen = [time.perf_counter() - start async for chunk in stream if chunk.choices[0].delta.content]
    assert seen[0] < 0.4
    assert 0.85 <= seen[-1] - seen[0] < 1.5


async def test_a_whole_answer_takes_as_long_as_its_stream(
    client: openai.AsyncOpenAI, switches: httpx2.AsyncClient
) -> None:
    await switches.post("/rate", json={"tokens_per_second": 50})
    start = time.perf_counter()
    await client.chat.completions.create(model=MODEL, messages=ASKED, max_tokens=25)
    assert time.perf_counter() - start >= 0.5


async def test_a_client_that_leaves_ends_the_stream(client: openai.AsyncOpenAI, switches: httpx2.AsyncClient) -> None:
    await switches.post("/rate", json={"tokens_per_second": 2})
    stream = await client.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
    await anext(aiter(stream))
    assert (await switches.get("/rate")).json()["open_streams"] == 1
    await stream.close()
    await asyncio.sleep(0.1)
    assert (await switches.get("/rate")).json()["open_streams"] == 0


@pytest.mark.parametrize("given", [None, 0])
async def test_no_rate_is_as_fast_as_possible(switches: httpx2.AsyncClient, given: object) -> None:
    assert (await switches.post("/rate", json={"tokens_per_second": given})).json()["tokens_per_second"] == 0


@pytest.mark.parametrize("body", [{"tokens_per_second": -1}, {"tokens_per_second": "fast"}, []])
async def test_a_wrong_rate_is_refused(switches: httpx2.AsyncClient, body: object) -> None:
    assert (await switches.post("/rate", json=body)).status_code == 400


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("429", openai.RateLimitError, "rate_limit_exceeded"),
        ("insufficient_quota", openai.RateLimitError, "insufficient_quota"),
        ("500", openai.InternalServerError, None),
        ("503", openai.InternalServerError, None),
    ],
)
async def test_an_error_fault_hits_as_many_requests_as_asked(
    client: openai.AsyncOpenAI, switches: httpx2.AsyncClient, kind: str, error: type[openai.APIStatusError], code: str
) -> None:
    await set_fault(switches, kind, count=2)
    await client.moderations.create(input="moderation is not generation")
    for _ in range(2):
        with pytest.raises(error) as caught:
            await read(client)
        assert caught.value.code == code
    assert (await read(client))[1] == 60


async def test_a_fault_may_be_for_moderation(client: openai.AsyncOpenAI, switches: httpx2.AsyncClient) -> None:
    await set_fault(switches, "503", target="moderations")
    await read(client)
    with pytest.raises(openai.InternalServerError):
        await client.moderations.create(input="x")


async def test_timeout_never_answers(client: openai.AsyncOpenAI, switches: httpx2.AsyncClient) -> None:
    await set_fault(switches, "timeout")
    with pytest.raises(openai.APITimeoutError):
        await client.with_options(timeout=0.3).chat.completions.create(model=MODEL, messages=ASKED, stream=True)


async def test_cut_closes_the_connection_after_that_many_tokens(
    client: openai.AsyncOpenAI, switches: httpx2.AsyncClient
) -> None:
    await set_fault(switches, "cut", after_chunks=5)
    stream = await client.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
    chunks = aiter(stream)
    assert len([await anext(chunks) for _ in range(1 + 5)]) == 6
    with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
        await anext(chunks)
    await set_fault(switches, "cut")
    with pytest.raises(openai.APIConnectionError):
        await client.chat.completions.create(model=MODEL, messages=ASKED)


async def test_refusal_is_a_refusal_in_every_form(client: openai.AsyncOpenAI, switches: httpx2.AsyncClient) -> None:
    await set_fault(switches, "refusal", count=4)
    whole = await client.chat.completions.create(model=MODEL, messages=ASKED)
    assert (whole.choices[0].message.content, bool(whole.choices[0].message.refusal)) == (None, True)
    stream = await client.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
    refusal = "".join([chunk.choices[0].delta.refusal or "" async for chunk in stream])
    assert refusal == whole.choices[0].message.refusal
    response = await client.responses.create(model=MODEL, input="x")
    assert response.output[0].type == "message"
    assert response.output[0].content[0].type == "refusal"
    events = await client.responses.create(model=MODEL, input="x", stream=True)
    assert "response.refusal.done" in [event.type async for event in events]


async def test_empty_says_nothing_and_uses_nothing(client: openai.AsyncOpenAI, switches: httpx2.AsyncClient) -> None:
    await set_fault(switches, "empty", count=2)
    assert await read(client) == ("", 0)
    assert (await client.chat.completions.create(model=MODEL, messages=ASKED)).choices[0].message.content == ""


@pytest.mark.parametrize("after", [0, 7])
async def test_slow_pauses_where_it_is_told(
    client: openai.AsyncOpenAI, switches: httpx2.AsyncClient, after: int
) -> None:
    await switches.post("/rate", json={"tokens_per_second": 500})
    await set_fault(switches, "slow", after_chunks=after, seconds=0.6)
    start = time.perf_counter()
    stream = await client.chat.completions.create(model=MODEL, messages=ASKED, max_tokens=20, stream=True)
    seen = [time.perf_counter() - start async for chunk in stream if chunk.choices[0].delta.content]
    gaps = [later - sooner for sooner, later in zip([0.0, *seen], seen, strict=False)]
    assert max(gaps) >= 0.55
    assert gaps.index(max(gaps)) == after
    assert len(seen) == 20


async def test_split_utf8_tears_characters_and_loses_none(
    client: openai.AsyncOpenAI, switches: httpx2.AsyncClient, address: str
) -> None:
    await switches.post("/rate", json={"tokens_per_second": 2000})
    whole, _ = await read(client, 400)
    await set_fault(switches, "split_utf8", count=2)
    assert (await read(client, 400))[0].removeprefix("\u2014 ").startswith(whole[:500])
    body = {"model": MODEL, "messages": ASKED, "stream": True, "max_tokens": 400}
    async with (
        httpx2.AsyncClient(headers={"Authorization": "Bearer sk"}) as raw,
        raw.stream("POST", f"{address}/v1/chat/completions", json=body) as answer,
    ):
        parts = [part async for part in answer.aiter_raw()]
    assert any(part[-1] >= 0xC0 for part in parts)


async def test_usage_can_be_too_high_or_missing(client: openai.AsyncOpenAI, switches: httpx2.AsyncClient) -> None:
    await set_fault(switches, "usage_overrun", count=2)
    await set_fault(switches, "no_usage", count=2)
    assert (await read(client))[1] == 300
    overrun = await client.responses.create(model=MODEL, input="A story of 200 words.", max_output_tokens=20)
    assert overrun.usage
    assert overrun.usage.output_tokens == 100
    assert (await read(client))[1] is None
    assert (await client.chat.completions.create(model=MODEL, messages=ASKED)).usage is None


async def test_faults_are_listed_and_cleared(switches: httpx2.AsyncClient) -> None:
    await set_fault(switches, "slow", count=3, after_chunks=4, seconds=1.5, target="any")
    listed = {"kind": "slow", "count": 3, "after_chunks": 4, "seconds": 1.5, "target": "any"}
    assert (await switches.get("/faults")).json() == {"faults": [listed]}
    assert (await switches.delete("/faults")).status_code == 204
    assert (await switches.get("/faults")).json() == {"faults": []}
    assert (await switches.post("/faults", json={"kind": "earthquake"})).status_code == 400
