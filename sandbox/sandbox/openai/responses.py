"""POST /v1/responses: text alone, whole or as the sequence of events in which the real service tells of it."""

import secrets
import time
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request

from sandbox.openai.answers import Answer, answer
from sandbox.openai.chat import halves
from sandbox.openai.delivery import Delivery, Frames
from sandbox.openai.headers import json_headers, stream_headers
from sandbox.openai.requests import Ask, json_body, read_response
from sandbox.openai.switches import Switches


async def respond(request: Request) -> Delivery:
    started = time.perf_counter()
    switches: Switches = request.app.state.switches
    body = await json_body(request)
    ask = read_response(body)
    fault = switches.take("generation")
    if fault and (error := fault.error()):
        raise error
    said = answer(ask, fault)
    told = _Told(ask, body, said)
    if ask.is_stream:
        return Delivery(told.frames(), switches, fault, stream_headers(started))
    whole = orjson.dumps(told.response(is_done=True))
    return Delivery(halves(whole), switches, fault, json_headers(started, len(whole)), tokens=len(said.pieces))


class _Told:
    """One response under one id, at its start and at its end."""

    def __init__(self, ask: Ask, body: Mapping[str, Any], said: Answer) -> None:
        self._ask = ask
        self._body = body
        self._said = said
        self._id = f"resp_{secrets.token_hex(24)}"
        self._item = f"msg_{secrets.token_hex(24)}"
        self._created = int(time.time())
        self._kind = "refusal" if said.is_refusal else "output_text"

    def response(self, *, is_done: bool) -> dict[str, Any]:
        said, body = self._said, self._body
        ended = "incomplete" if said.is_cut_short else "completed"
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "completed_at": int(time.time()) if is_done and ended == "completed" else None,
            "status": ended if is_done else "in_progress",
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if is_done and said.is_cut_short else None,
            "instructions": body.get("instructions"),
            "max_output_tokens": self._ask.max_tokens,
            "metadata": body.get("metadata") or {},
            "model": self._ask.model,
            "output": [self._message(said.text, ended)] if is_done else [],
            "parallel_tool_calls": True,
            "previous_response_id": body.get("previous_response_id"),
            "reasoning": {"effort": None, "summary": None},
            "store": False,
            "temperature": body.get("temperature", 1.0),
            "text": {"format": (body.get("text") or {}).get("format") or {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": body.get("top_p", 1.0),
            "truncation": "disabled",
            "usage": self._usage() if is_done else None,
            "user": body.get("user"),
        }

    def frames(self) -> Frames:
        said, start = self._said, self.response(is_done=False)
        place = {"item_id": self._item, "output_index": 0, "content_index": 0}
        ended = "incomplete" if said.is_cut_short else "completed"
        blank = {"output_index": 0, "item": {**self._message("", "in_progress"), "content": []}}
        rows: list[tuple[str, dict[str, Any]]] = [
            ("response.created", {"response": start}),
            ("response.in_progress", {"response": start}),
            ("response.output_item.added", blank),
            ("response.content_part.added", {**place, "part": self._part("")}),
        ]
        first = len(rows)
        extra: dict[str, Any] = {} if said.is_refusal else {"logprobs": []}
        rows += [(f"response.{self._kind}.delta", {**place, "delta": piece, **extra}) for piece in said.pieces]
        full = {"refusal" if said.is_refusal else "text": said.text}
        rows += [
            (f"response.{self._kind}.done", {**place, **full, **extra}),
            ("response.content_part.done", {**place, "part": self._part(said.text)}),
            ("response.output_item.done", {"output_index": 0, "item": self._message(said.text, ended)}),
            (f"response.{ended}", {"response": self.response(is_done=True)}),
        ]
        return Frames([_event(at, *row) for at, row in enumerate(rows)], first, first + len(said.pieces))

    def _message(self, text: str, status: str) -> dict[str, Any]:
        return {
            "id": self._item,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": [self._part(text)],
        }

    def _part(self, text: str) -> dict[str, Any]:
        if self._said.is_refusal:
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _usage(self) -> dict[str, Any] | None:
        said = self._said
        if said.reported_tokens is None:
            return None
        return {
            "input_tokens": said.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": said.reported_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": said.prompt_tokens + said.reported_tokens,
        }


def _event(at: int, kind: str, data: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: ".encode() + orjson.dumps({"type": kind, "sequence_number": at, **data}) + b"\n\n"
