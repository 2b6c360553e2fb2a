"""What the environment decides for every service, and that building its application asks nobody anything."""

import importlib
from typing import Any

import pytest
from pydantic import ValidationError

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
