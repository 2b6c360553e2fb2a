"""The rules that production has, and every target up."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.alb.rules import Rules, load_rules
from sandbox.alb.testing import World, running_platform


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def rules() -> Rules:
    return load_rules(Path(__file__).parents[3] / "deploy" / "alb" / "rules.json")


@pytest.fixture
async def platform(rules: Rules) -> AsyncIterator[World]:
    async with running_platform(rules, "user", "story", "payment", "admin", "web") as world:
        yield world
