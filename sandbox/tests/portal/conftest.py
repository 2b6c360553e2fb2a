"""The front page before and after the runner has written its record, asked without a network."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from sandbox.portal.app import create_app


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def platform_file(tmp_path: Path) -> Path:
    return tmp_path / "platform.json"


@pytest.fixture
async def browser(platform_file: Path) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(platform_file=platform_file, redis_url=os.environ["TEST_REDIS_URL"])
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            yield client
