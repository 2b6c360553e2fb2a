"""What must never reach the log: tokens, keys, cards, addresses, prompts; by name and by shape, at any depth."""

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from pydantic import BaseModel, ValidationError

from common_service.logging import configure_logging, log_answer, redact
from common_service.testing import eventually

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
SHAPES = [
    JWT,
    "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "sk-proj-abcdefgh12345678",
    "whsec_0123456789abcdef",
    "reader@truecrime.test",
    "first.last+tag@mail.example.co.uk",
    "4242 4242 4242 4242",
    "4242424242424242",
    "5555-5555-5555-4444",
    "svc_story:hunter2",
]
SPEAKING = ["authorization", "Password", "client_secret", "api_key", "cookie", "token", "access_token", "X-Guest-Token",
            "card", "cvc", "email", "user_email", "prompt", "content", "message_body"]  # fmt: skip


@dataclass
class Signed:
    token: str


@pytest.mark.parametrize("secret", SHAPES)
def test_texts_of_telling_shape_are_struck_wherever_they_stand(secret: str) -> None:
    url = f"postgresql://{secret}@db/x" if ":" in secret else secret
    event = {
        "event": f"seen {url} here",
        "deep": {"list": [url, (url, {url})]},
        "thing": Signed(url),
        "error": ValueError(url),
        "raw": url.encode(),
    }
    text = str(redact(None, "info", event))
    assert secret not in text
    assert "here" in text


@pytest.mark.parametrize("name", SPEAKING)
def test_values_under_telling_names_are_struck(name: str) -> None:
    assert "plain" not in str(redact(None, "info", {name: "plain", "nested": [{name: {"a": "plain"}}]}))


def test_what_is_no_secret_stays() -> None:
    event: dict[str, Any] = {
        "event": "answered",
        "request_id": "01a1fea9-7939-7923-a979-5b60f587fcda",
        "status": 200,
        "ms": 1.5,
        "route": "/story/v1/stories/{story_id}",
        "constraint": "pk_idempotency_keys",
        "at": "2026-11-21T12:00:00.123456Z",
        "seen": None,
        "ok": True,
    }
    assert redact(None, "info", dict(event)) == event


def test_a_span_of_digits_alone_is_no_card() -> None:
    named = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "4242424242424242"}
    assert redact(None, "info", dict(named)) == named


@pytest.mark.parametrize(
    "part", ["a.", "a+-", "eyJ", "eyJa.", "4 ", "://", "://a:", "input_value=", "sk-", "x@", "@a."]
)
def test_no_text_keeps_the_process_busy(part: str) -> None:
    text, started = part * (200_000 // len(part)), time.process_time()
    redact(None, "info", {"event": text})
    assert time.process_time() - started < 10  # a square of the length would take minutes


Lines = Callable[[], list[str]]


@pytest.fixture(params=["json", "console"])
def printed(request: pytest.FixtureRequest) -> Iterator[Lines]:
    root, stream, before = logging.getLogger(), io.StringIO(), structlog.get_config()
    handlers, level = root.handlers, root.level
    with redirect_stdout(stream):
        configure_logging("kit", format=request.param)
        yield lambda: stream.getvalue().splitlines()
    root.handlers, root.level = handlers, level
    structlog.configure(**before)


STORY = "the story of my life\nand more"


class Body(BaseModel):
    title: int


def test_neither_messages_nor_tracebacks_carry_secrets(printed: Lines) -> None:
    def validate() -> None:
        try:
            Body.model_validate({"title": STORY, "other": "x"})
        except ValidationError:
            logging.getLogger("uvicorn.error").exception("failed for %s", "reader@truecrime.test")

    def fail() -> None:
        try:
            raise ValueError(JWT)
        except ValueError:
            structlog.get_logger("kit").exception("job failed", token=JWT)

    validate()
    fail()
    text = "\n".join(printed())
    assert "Traceback" in text
    for secret in (JWT, "reader@truecrime.test", "story of my life", "and more"):
        assert secret not in text


def test_a_line_is_one_json_object_with_service_time_and_context() -> None:
    stream, root, before = io.StringIO(), logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    with redirect_stdout(stream), structlog.contextvars.bound_contextvars(request_id="r1"):
        configure_logging("kit")
        structlog.get_logger("a").info("answered", status=200)
        logging.getLogger("b").warning("odd\nline %s", 1)
        log_answer("GET", "/kit", 200, ms=1.5, ids=("r1", None))
        logging.root.setLevel("WARNING")
        log_answer("GET", "/kit", 200, ms=1.5, ids=("r1", None))
    root.handlers, root.level = handlers, level
    structlog.configure(**before)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["answered", "odd\nline 1", "answered"]
    assert all(line["service"] == "kit" and line["request_id"] == "r1" for line in lines)
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert lines[0].items() - {"timestamp": lines[0]["timestamp"]}.items() <= lines[2].items()
    assert (lines[2]["method"], lines[2]["route"], lines[2]["ms"]) == ("GET", "/kit", 1.5)


async def lines_of(stream: io.StringIO, ends: Callable[[], object]) -> list[str]:
    """Log three answers and end in a way; return the lines that left."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    with redirect_stdout(stream):
        configure_logging("kit")
        for n in range(3):
            log_answer("GET", "/kit", 200, ms=n, ids=(f"r{n}", TRACE))
        assert stream.getvalue() == ""  # they wait for one another
        ends()
    root.handlers, root.level = handlers, level
    structlog.configure(**before)
    return stream.getvalue().splitlines()


@pytest.mark.anyio
async def test_lines_of_requests_leave_together_before_any_other_line() -> None:
    lines = [json.loads(line) for line in await lines_of(io.StringIO(), lambda: logging.getLogger("a").warning("odd"))]
    assert [line["event"] for line in lines] == ["answered"] * 3 + ["odd"]
    assert [line["request_id"] for line in lines[:3]] == ["r0", "r1", "r2"]
    assert [line["ms"] for line in lines[:3]] == [0.0, 1.0, 2.0]
    assert {line["trace_id"] for line in lines[:3]} == {"4bf92f3577b34da6a3ce929d0e0e4736"}


@pytest.mark.anyio
async def test_lines_of_requests_leave_at_the_end_of_the_process() -> None:
    def end() -> None:
        for handler in logging.root.handlers:
            handler.flush()  # as logging.shutdown does

    assert len(await lines_of(io.StringIO(), end)) == 3


@pytest.mark.anyio
async def test_lines_of_requests_leave_soon_by_themselves() -> None:
    stream = io.StringIO()
    assert await lines_of(stream, lambda: None) == []
    await eventually(stream.getvalue, seconds=20)
    assert len(stream.getvalue().splitlines()) == 3


def test_loggers_that_tell_of_bodies_and_rows_are_quiet_at_debug(printed: Lines) -> None:
    logging.root.setLevel("DEBUG")
    for name in ("sqlalchemy.engine.Engine", "httpx2", "httpcore2.http11", "botocore.endpoint", "openai._base_client",
                 "stripe", "urllib3.connectionpool", "boto3.resources"):  # fmt: skip
        logging.getLogger(name).debug("told %s", "everything")
    assert printed() == []
