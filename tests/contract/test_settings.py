"""What the environment decides for every service, and that building its application asks nobody anything."""

import importlib
from typing import Any

import pytest
from pydantic import ValidationError

from common_auth.surroundings import surroundings
from common_service.settings import ServiceSettings
from common_service.testing import NOWHERE
from tools.openapi import SERVICES

_OF_ONE = {"payment": {"stripe_api_key": "none"}, "story": {"openai_api_key": "none"}}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def settings_of(service: str, **others: str) -> Any:
    return importlib.import_module(f"{service}_service.settings").Settings(
        **NOWHERE | _OF_ONE.get(service, {}) | others
    )


def test_the_application_is_built_without_a_network(service: str) -> None:
    app = importlib.import_module(f"{service}_service.main").create_app(settings_of(service))
    assert app.openapi_url == f"/{service}/v1/openapi.json"


def test_the_policy_comes_from_the_environment(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    permission = "billing.read" if service == "payment" else "users.read"
    assert permission in settings_of(service).group_permissions["admin"]
    monkeypatch.setenv("GROUP_PERMISSIONS", '{"support": ["users.read"]}')
    assert settings_of(service).group_permissions == {"support": frozenset({"users.read"})}


def test_production_refuses_the_values_of_a_laptop(service: str) -> None:
    with pytest.raises(ValidationError, match="is not fit for APP_ENV=production"):
        settings_of(service, app_env="production")


@pytest.mark.parametrize("process", ["main", "worker"])
def test_no_process_starts_with_wrong_settings_and_each_says_which_without_its_value(
    service: str, process: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = {"cursor_secret": "s3cret-s3cret-s3cret", "redis_url": "redis://:s3cret@127.0.0.1:1/0"}
    for name, value in (NOWHERE | _OF_ONE.get(service, {}) | secrets | {"app_env": "production"}).items():
        monkeypatch.setenv(name.upper(), value)
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"{service}_service.{process}").main()
    said = capsys.readouterr().err
    assert ended.value.code == 78
    assert "cannot start: " in said
    for name in ("COGNITO_ISSUER", "DATABASE_URL", "REDIS_URL", "SERVICE_CLIENT_SECRET", "PUBLIC_WEB_ORIGIN"):
        assert f"{name} is not fit for APP_ENV=production" in said
    assert "CURSOR_SECRET" not in said
    assert "s3cret" not in said


def test_a_process_names_what_it_misses(
    service: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NOWHERE:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("GROUP_PERMISSIONS", "{}")
    with pytest.raises(SystemExit):
        importlib.import_module(f"{service}_service.main").main()
    assert {f"cannot start: {name.upper()} is missing" for name in NOWHERE} <= set(capsys.readouterr().err.splitlines())


@pytest.mark.anyio
async def test_the_pool_of_connections_has_the_size_that_the_settings_say() -> None:
    around = surroundings(ServiceSettings(**NOWHERE, database_pool_size=3), {})
    assert around.database.engine.pool.size() == 3  # type: ignore[attr-defined]  # of the kind that has a size
    await around.close()
