"""The adapters against a server that speaks OpenAI's protocol, with its faults."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
import uvicorn

from common_service.testing import eventually
from sandbox.openai.app import create_app
from services.story_service.tests.memory import MODELS
from story_service.domain.errors import ModerationUnavailable, WriterFailed
from story_service.domain.pricing import Usage
from story_service.domain.prompt import Message, Prompt
from story_service.domain.story import Length, StoryRequest, split_title
from story_service.domain.story_prompt import messages, most_output_tokens
from story_service.infrastructure.moderators import NoModerator, OpenAIModerator
from story_service.infrastructure.openai_client import OpenAIClient, ProviderClients
from story_service.infrastructure.openai_writer import OpenAIWriter

pytestmark = pytest.mark.anyio
REQUEST = StoryRequest("A lighthouse keeper vanishes in Kråkenes", length=Length.SHORT)


@pytest.fixture
async def vendor() -> AsyncIterator[str]:
    """Serve the stand-in at full speed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(tokens_per_second=0), log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        await eventually(lambda: server.started)
        async with httpx2.AsyncClient() as http:
            await http.get(f"http://127.0.0.1:{listener.getsockname()[1]}/_sandbox/faults")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def client(vendor: str) -> AsyncIterator[OpenAIClient]:
    client = OpenAIClient(f"{vendor}/v1", "sk-of-the-tests")
    await client.warm()
    yield client
    await client.close()


@pytest.fixture
def fault(vendor: str) -> "Fault":
    return Fault(vendor)


class Fault:
    def __init__(self, vendor: str) -> None:
        self._vendor = vendor

    async def __call__(self, kind: str, **settings: object) -> None:
        async with httpx2.AsyncClient() as http:
            answer = await http.post(f"{self._vendor}/_sandbox/faults", json={"kind": kind, **settings})
            assert answer.status_code == 201


async def written(client: OpenAIClient, model: str = "gpt-5-mini") -> tuple[str, list[Usage]]:
    text, usages = "", []
    prompt, most = Prompt(messages(REQUEST)), most_output_tokens(REQUEST.length)
    writer = OpenAIWriter(ProviderClients(client, {}))
    async for piece in writer.write(replace(MODELS["gpt-5-mini"], model=model), prompt, most):
        if isinstance(piece, Usage):
            usages.append(piece)
        else:
            text += piece
    return text, usages


async def test_a_story_with_its_usage(client: OpenAIClient) -> None:
    text, usages = await written(client)
    title, body = split_title(text)
    assert title != "Untitled case"
    assert 200 < len(body.split()) < 700
    assert len(usages) == 1
    assert usages[0].completion_tokens <= most_output_tokens(REQUEST.length)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("429", "provider_rate_limited"),
        ("insufficient_quota", "provider_rate_limited"),
        ("500", "provider_unavailable"),
        ("503", "provider_unavailable"),
        ("cut", "provider_cut"),
        ("refusal", "provider_refused"),
    ],
)
async def test_faults_have_codes(client: OpenAIClient, fault: Fault, kind: str, code: str) -> None:
    await fault(kind)
    with pytest.raises(WriterFailed) as failure:
        await written(client)
    assert failure.value.code == code
    assert (await written(client))[0], "only the next request fails"


async def test_text_cut_within_characters_comes_whole(client: OpenAIClient, fault: Fault) -> None:
    expected = (await written(client))[0]
    await fault("split_utf8")
    assert (await written(client))[0] == expected


async def test_usage_may_be_untold_or_absurd(client: OpenAIClient, fault: Fault) -> None:
    await fault("no_usage")
    assert (await written(client))[1] == []
    await fault("usage_overrun")
    assert (await written(client))[1][0].completion_tokens > most_output_tokens(REQUEST.length)


async def test_an_empty_answer_is_empty(client: OpenAIClient, fault: Fault) -> None:
    await fault("empty")
    assert (await written(client))[0] == ""


async def test_nobody_there_is_unavailable() -> None:
    client = OpenAIClient("http://127.0.0.1:9/v1", "sk-of-the-tests")
    with pytest.raises(WriterFailed, match="provider_unavailable"):
        await written(client)
    with pytest.raises(ModerationUnavailable):
        await moderator(client).judge("Anything")
    await client.close()


async def test_an_unknown_model_is_rejected(client: OpenAIClient) -> None:
    with pytest.raises(WriterFailed, match="provider_rejected"):
        await written(client, "no-such-model")


def moderator(client: OpenAIClient) -> OpenAIModerator:
    return OpenAIModerator(
        client, model="omni-moderation-latest", policy_version="1", thresholds={"violence": 0.8, "harassment": 1.0}
    )


async def test_marked_texts_are_blocked_and_crime_is_not(client: OpenAIClient) -> None:
    verdict = await moderator(client).judge("A [[unsafe:violence/graphic]] scene")
    assert set(verdict.reasons) == {"violence", "violence/graphic"}
    assert verdict.categories["violence/graphic"] > 500
    assert not (await moderator(client).judge("The knife was found, and blood on it: a murder.")).is_block


async def test_below_a_threshold_a_category_is_noted_only(client: OpenAIClient) -> None:
    verdict = await moderator(client).judge("You are worthless")
    assert not verdict.is_block
    assert "harassment" in verdict.categories


async def test_one_failure_of_the_moderator_is_tried_again_two_are_not(client: OpenAIClient, fault: Fault) -> None:
    await fault("500", target="moderations")
    assert not (await moderator(client).judge("Fine")).is_block
    await fault("503", target="moderations", count=2)
    with pytest.raises(ModerationUnavailable):
        await moderator(client).judge("Fine")


async def test_where_the_policy_is_off_everything_passes() -> None:
    assert not (await NoModerator().judge("[[unsafe:violence]]")).is_block
    assert Message("user", "x").role == "user"
