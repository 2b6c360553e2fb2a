"""A story read from a stub that sends exactly these bytes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from sandbox.demo.errors import NotSubscribed, StepFailed
from sandbox.demo.reading import Reading, read_story
from sandbox.demo.steps import attempt

pytestmark = pytest.mark.anyio

META = b'id: 1\nevent: meta\ndata: {"model":"gpt-5-mini"}\n\n'
DONE = b'id: 4\nevent: done\ndata: {"state":"succeeded","billing":"settled"}\n\n'


def delta(text: str) -> bytes:
    return f'id: 2\nevent: delta\ndata: {{"t":"{text}"}}\n\n'.encode()


def streaming(*pieces: bytes, pause: float = 0.0, **headers: str) -> Any:
    async def answer(_: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece
                await asyncio.sleep(pause)

        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return StreamingResponse(body(), media_type="text/event-stream", headers=named)

    return answer


def refusing(status: int, document: dict[str, Any]) -> Any:
    async def answer(_: Request) -> Response:
        return JSONResponse(document, status)

    return answer


async def read(visiting: Any, answer: Any, heard: list[str] | None = None) -> Reading:
    visitor = await visiting({"/story/v1/stories": answer})
    listen = heard.append if heard is not None else lambda _: None
    return await read_story(visitor, {"prompt": "p"}, "key", listen)


async def test_words_are_heard_as_they_come(visiting: Any) -> None:
    heard: list[str] = []
    reading = await read(visiting, streaming(META, delta("One "), b": ping\n\n", delta("two."), DONE), heard)
    assert heard == ["One ", "two."]
    assert (reading.text, reading.windows, reading.meta["model"]) == ("One two.", 2, "gpt-5-mini")
    assert reading.done["billing"] == "settled"


async def test_an_event_may_arrive_in_any_pieces(visiting: Any) -> None:
    whole = META + delta("É one") + DONE
    reading = await read(visiting, streaming(*(whole[at : at + 1] for at in range(len(whole)))))
    assert reading.text == "É one"


async def test_the_wait_for_the_first_words_is_measured(visiting: Any) -> None:
    reading = await read(visiting, streaming(META, delta("One"), DONE, pause=0.05))
    assert reading.first_words_ms >= 50


async def test_a_replay_is_noticed(visiting: Any) -> None:
    assert (await read(visiting, streaming(META, DONE, Idempotent_Replayed="true"))).replayed


async def test_no_subscription_is_its_own_failure(visiting: Any) -> None:
    with pytest.raises(NotSubscribed, match="subscription_required"):
        await read(visiting, refusing(402, {"code": "subscription_required"}))


async def test_another_status_is_told_with_its_words(visiting: Any) -> None:
    with pytest.raises(StepFailed, match=r"answered 429, not 200: .*quota_exceeded"):
        await read(visiting, refusing(429, {"code": "quota_exceeded"}))


async def test_an_error_of_the_stream_is_told_by_its_code(visiting: Any) -> None:
    failed = b'event: error\ndata: {"code":"provider_cut"}\n\n'
    with pytest.raises(StepFailed, match=r"the error provider_cut\."):
        await read(visiting, streaming(META, failed))


async def test_a_stream_that_just_ends_is_a_failure(visiting: Any) -> None:
    with pytest.raises(StepFailed, match=r"The story ended as nothing\."):
        await read(visiting, streaming(META, delta("One")))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (streaming(b'event: delta\ndata: {"text":"One"}\n\n'), "another shape than expected (KeyError: 't')"),
        (streaming(b"event: delta\ndata: One\n\n"), "another shape than expected (JSONDecodeError"),
        (streaming(b"event: done\ndata: []\n\n"), "ended as nothing"),
        (refusing(200, {}), "no answer (SSEError"),
    ],
)
async def test_whatever_else_comes_is_said_in_one_line(visiting: Any, answer: Any, said: str) -> None:
    async def read_a_story() -> str:
        return (await read(visiting, answer)).text

    with pytest.raises(StepFailed) as failure:
        await attempt(read_a_story)
    assert said in str(failure.value)
    assert "\n" not in str(failure.value)


async def test_silence_ends_a_step(visiting: Any) -> None:
    async def read_a_story() -> str:
        return (await read(visiting, streaming(META, DONE, pause=5))).text

    with pytest.raises(StepFailed, match="In 'read a story': not done after 0 s"):
        await attempt(read_a_story, patience=0.1)


async def test_a_platform_that_is_gone_is_no_traceback() -> None:
    async def look() -> str:
        async with httpx2.AsyncClient() as http:
            return (await http.get("http://127.0.0.1:9/")).text

    with pytest.raises(StepFailed, match=r"In 'look': no answer \(ConnectError"):
        await attempt(look)
