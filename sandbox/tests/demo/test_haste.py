"""The engine's pace is borrowed, not taken."""

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.demo.errors import StepFailed
from sandbox.demo.haste import in_haste
from sandbox.demo.platform import Platform

pytestmark = pytest.mark.anyio


class Engine:
    """Has a pace, as the sandbox's engine has."""

    def __init__(self) -> None:
        self.pace: float = 60.0

    async def rate(self, request: Request) -> Response:
        if request.method == "POST":
            self.pace = (await request.json())["tokens_per_second"]
        return JSONResponse({"tokens_per_second": self.pace})


async def test_the_pace_is_restored(visiting: Any) -> None:
    engine = Engine()
    visitor = await visiting({"/_sandbox/rate": engine.rate})
    async with in_haste(visitor.platform):
        assert engine.pace == 0
    assert engine.pace == 60


async def test_the_pace_is_restored_after_a_failure(visiting: Any) -> None:
    engine = Engine()
    visitor = await visiting({"/_sandbox/rate": engine.rate})
    with pytest.raises(StepFailed):
        async with in_haste(visitor.platform):
            raise StepFailed
    assert engine.pace == 60


async def test_the_real_openai_keeps_its_pace() -> None:
    nowhere = "http://127.0.0.1:9"
    async with in_haste(Platform(nowhere, nowhere, "c", nowhere, None, {}, "")):
        pass
