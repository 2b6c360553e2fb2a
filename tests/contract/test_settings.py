"""What the environment decides for every service, and that building its application asks nobody anything."""

import importlib
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.pool import QueuePool

from common_auth.surroundings import surroundings
from common_service.settings import ServiceSettings
from common_service.testing import NOWHERE
from tools.openapi import SERVICES

_ISSUER = "https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_Pool"
PRODUCTION = {
    "app_env": "production",
    "database_url": "postgresql://svc:w0rd@db.internal/truecrime",
    "redis_url": "rediss://cache.internal",
    "cognito_issuer": _ISSUER,
    "cognito_jwks_url": f"{_ISSUER}/.well-known/jwks.json",
    "cognito_token_url": "https://truecrime.auth.eu-west-2.amazoncognito.com/oauth2/token",
    "cognito_client_id": "web",
    "cognito_service_client_ids": "story, admin",
    "service_client_id": "of this service",
    "service_client_secret": "secret",
    "cursor_secret": "a secret of production",
    "public_web_origin": "https://truecrime.example",
    "user_base_url": "http://user.truecrime.internal:8080",
    "story_base_url": "http://story.truecrime.internal:8080",
    "payment_base_url": "http://payment.truecrime.internal:8080",
    "stripe_api_key": "rk_live_1",
    "stripe_webhook_secret": "whsec_1",
    "openai_api_key": "sk-1",
    "mail_sender": "TrueCrime <no-reply@truecrime.example>",
}
_REFUSED = {
    "user": {
        "cognito_service_client_ids": "",
        "cognito_token_url": "http://cognito.example/oauth2/token",
        "mail_sender": "nobody",
    },
    "story": {
        "cognito_service_client_ids": "",
        "service_client_id": "",
        "openai_api_key": "",
        "openai_base_url": "http://openai.example/v1",
        "payment_base_url": "",
        "content_moderator_config": '{"policy": "off"}',
    },
    "payment": {
        "cognito_service_client_ids": "",
        "stripe_api_key": "sk_test_not_live_1",
        "stripe_api_base": "https://stripe.example",
        "stripe_webhook_secret": "",
    },
    "admin": {"service_client_id": "", "user_base_url": "", "story_base_url": "", "payment_base_url": "http://sandbox"},
}
_CASES = [(service, name, value) for service, wrong in _REFUSED.items() for name, value in wrong.items()]
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
    pool = around.database.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.size() == 3
    await around.close()


def test_production_starts_with_what_production_has(service: str) -> None:
    assert settings_of(service, **PRODUCTION).app_env == "production"


@pytest.mark.parametrize(("which", "name", "value"), _CASES)
def test_production_refuses_what_each_service_needs_to_be_right(which: str, name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=f"{name.upper()} is not fit for APP_ENV=production"):
        settings_of(which, **PRODUCTION | {name: value})
