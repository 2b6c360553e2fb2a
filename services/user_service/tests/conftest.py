"""The service wired to a world, and to a Postgres with its migrations applied."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from common_auth.callers import Callers
from common_auth.testing import ISSUER, SERVICE_CLIENT, WEB_CLIENT, TestIssuer
from common_auth.tokens import TokenVerifier
from common_service.clock import utc_now
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.testing import TemplateDatabase
from fastapi import FastAPI

from user_service.api.use_cases import wire
from user_service.application.ports import StartWork
from user_service.infrastructure.cognito_identities import CognitoIdentities
from user_service.infrastructure.repositories import SqlUserWork
from user_service.wiring import assemble

sys.path.insert(0, str(Path(__file__).parent))

from worlds import World  # noqa: E402 - found through the line above

SERVICE = Path(__file__).parents[1]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def template() -> Iterator[TemplateDatabase]:
    database = TemplateDatabase(SERVICE, "users", "svc_user")
    yield database
    database.drop()


@pytest.fixture
def database_url(template: TemplateDatabase) -> Iterator[str]:
    with template.clone() as url:
        yield url
