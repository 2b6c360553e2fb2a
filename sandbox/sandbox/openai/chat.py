"""POST /v1/chat/completions. A stream's bytes are made once, before the first leaves: sending costs almost nothing."""

import secrets
import time
from typing import Any

import orjson
from starlette.requests import Request

from sandbox.openai.answers import Answer, answer
from sandbox.openai.delivery import Delivery, Frames
from sandbox.openai.headers import json_headers, stream_headers
from sandbox.openai.requests import Ask, json_body, read_chat
from sandbox.openai.switches import Switches

_FINGERPRINT = "fp_sandboxprose"


async def complete(request: Request) -> Delivery:
    started = time.perf_counter()
    switches: Switches = request.app.state.switches
    ask = read_chat(await json_body(request))
    fault = switches.take("generation")
    if fault and (error := fault.error()):
        raise error
    said = answer(ask, fault)
    if ask.is_stream:
        return Delivery(_stream(ask, said), switches, fault, stream_headers(started))
    body = orjson.dumps(_completion(ask, said))
    return Delivery(halves(body), switches, fault, json_headers(started, len(body)), tokens=len(said.pieces))


def halves(body: bytes) -> Frames:
    """A whole body, so divided that a connection can be cut in the midst of it."""
    middle = len(body) // 2
    return Frames([body[:middle], body[middle:]], 1, 1)


def _completion(ask: Ask, said: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if said.is_refusal else said.text,
        "refusal": said.text if said.is_refusal else None,
        "annotations": [],
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(said)}
    return {**_head(ask, "chat.completion"), "choices": [choice], "usage": _usage(said)}


def _stream(ask: Ask, said: Answer) -> Frames:
    head = _head(ask, "chat.completion.chunk")
    if ask.includes_usage:
        head["usage"] = None
    field = "refusal" if said.is_refusal else "content"
    mark = "\u0000"
    before, _, after = _event(head, {field: mark}, None).partition(orjson.dumps(mark))
    events = [_event(head, {"role": "assistant", "content": "", "refusal": None}, None)]
    events += [before + orjson.dumps(piece) + after for piece in said.pieces]
    events.append(_event(head, {}, _reason(said)))
    if ask.includes_usage and said.reported_tokens is not None:
        events.append(b"data: " + orjson.dumps({**head, "choices": [], "usage": _usage(said)}) + b"\n\n")
    events.append(b"data: [DONE]\n\n")
    return Frames(events, 1, 1 + len(said.pieces))


def _event(head: dict[str, Any], delta: dict[str, Any], reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n"


def _head(ask: Ask, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{secrets.token_urlsafe(21)}",
        "object": kind,
        "created": int(time.time()),
        "model": ask.model,
        "service_tier": "default",
        "system_fingerprint": _FINGERPRINT,
    }


def _reason(said: Answer) -> str:
    return "length" if said.is_cut_short else "stop"


def _usage(said: Answer) -> dict[str, Any] | None:
    if said.reported_tokens is None:
        return None
    return {
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": said.reported_tokens,
        "total_tokens": said.prompt_tokens + said.reported_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
