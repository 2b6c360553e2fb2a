"""What the environment decides, and that building the application asks nobody anything."""

from typing import Any

import pytest
from pydantic import ValidationError

from admin_service.main import create_app
from admin_service.settings import Settings

NOWHERE: dict[str, Any] = {
    "database_url": "postgresql://nobody@127.0.0.1:1/nothing",
    "redis_url": "redis://127.0.0.1:1",
    "cognito_issuer": "http://127.0.0.1:1/pool",
    "cognito_jwks_url": "http://127.0.0.1:1/pool/.well-known/jwks.json",
    "cognito_client_id": "web",
}


def test_the_contract_is_written_without_a_network() -> None:
    app = create_app(Settings(**NOWHERE))
    document = app.openapi()
    assert app.openapi_url == "/admin/v1/openapi.json"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["security"], (method, path)
            assert {"400", "401", "422", "503"} <= operation["responses"].keys(), (method, path)


def test_the_policy_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "users.read" in Settings(**NOWHERE).group_permissions["admin"]
    monkeypatch.setenv("GROUP_PERMISSIONS", '{"support": ["users.read"]}')
    assert Settings(**NOWHERE).group_permissions == {"support": frozenset({"users.read"})}


def test_production_refuses_the_values_of_a_laptop() -> None:
    with pytest.raises(ValidationError, match="is not fit for APP_ENV=production"):
        Settings(**NOWHERE, app_env="production")


def test_admins_have_every_permission_that_the_routes_ask_for() -> None:
    assert len(Settings(**NOWHERE).group_permissions["admin"]) == 20
