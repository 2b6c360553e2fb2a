"""What production refuses to start with, and that it says which setting without telling its value."""

from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from common_service.settings import ServiceSettings, is_local

ISSUER = "https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_Abc123"
PRODUCTION: dict[str, Any] = {
    "app_env": "production",
    "database_url": "postgresql://svc:pass-word@db.internal/truecrime",
    "redis_url": "rediss://cache.internal:6379/0",
    "cognito_issuer": ISSUER,
    "cognito_jwks_url": f"{ISSUER}/.well-known/jwks.json",
    "cognito_client_id": "web, mobile",
    "cognito_token_url": "https://truecrime.auth.eu-west-2.amazoncognito.com/oauth2/token",
    "service_client_secret": "s3cret-of-the-service",
    "cursor_secret": "thirty-two characters of entropy",
    "public_web_origin": "https://truecrime.example",
}


def test_production_starts_with_fit_values() -> None:
    settings = ServiceSettings(**PRODUCTION)
    assert settings.reader_clients == {"web", "mobile"}
    assert settings.service_clients == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cognito_issuer", "http://127.0.0.1:9000/eu-west-2_TrueCrime"),
        ("cognito_issuer", "https://cognito-idp.evil.example/eu-west-2_Abc123"),
        ("cognito_issuer", ISSUER.replace("https", "http")),
        ("cognito_jwks_url", "https://elsewhere.example/.well-known/jwks.json"),
        ("cognito_jwks_url", f"{ISSUER}/.well-known/jwks.json?x"),
        ("cognito_token_url", ""),
        ("cognito_token_url", "http://127.0.0.1:9000/oauth2/token"),
        ("cognito_token_url", "http://auth.truecrime.example/oauth2/token"),
        ("cognito_userpool_id", "eu-west-2_Other"),
        ("cognito_client_id", " , "),
        ("database_url", "postgresql://svc:pass-word@localhost/truecrime"),
        ("database_url", "postgresql://svc:pass-word@db.internal/truecrime?sslmode=disable"),
        ("redis_url", "redis://127.0.0.1:6379/0"),
        ("redis_url", "redis://cache.internal:6379/0"),
        ("service_client_secret", ""),
        ("cursor_secret", "a secret for laptops only"),
        ("public_web_origin", "http://truecrime.example"),
        ("public_web_origin", "https://127.0.0.1"),
        ("user_base_url", "http://127.0.0.1:8101"),
        ("story_base_url", "http://localhost:8102"),
        ("payment_base_url", "http://sandbox:8103"),
    ],
)
def test_production_names_the_setting_that_is_not_fit_and_tells_no_secret(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ServiceSettings(**{**PRODUCTION, name: value})
    text = str(refused.value)
    assert f"{name.upper()} is not fit" in text
    assert "pass-word" not in text
    assert "s3cret" not in text


def test_production_names_every_setting_that_is_not_fit() -> None:
    wrong = {"redis_url": "redis://cache.internal", "cursor_secret": "a secret for laptops only"}
    with pytest.raises(ValidationError) as refused:
        ServiceSettings(**{**PRODUCTION, **wrong})
    assert "REDIS_URL is not fit for APP_ENV=production; CURSOR_SECRET is not fit" in str(refused.value)


def test_a_client_of_readers_is_none_of_services() -> None:
    with pytest.raises(ValidationError, match="COGNITO_CLIENT_ID is not fit"):
        ServiceSettings(**{**PRODUCTION, "cognito_service_client_ids": "story, mobile"})


def test_services_find_one_another_by_private_names() -> None:
    ServiceSettings(**PRODUCTION, payment_base_url="http://payment.internal:8080")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "http://cognito.truecrime.example"])
def test_production_does_not_start_where_boto3_is_led_to_a_stand_in(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDP", url)
    with pytest.raises(ValidationError, match="AWS_ENDPOINT_URL_COGNITO_IDP is not fit"):
        ServiceSettings(**PRODUCTION)


class Limited(ServiceSettings):
    default_rates: ClassVar[dict[str, str]] = {"read": "60/minute", "write": "5 per 10 seconds"}


def test_rates_are_overridden_one_by_one() -> None:
    rates = Limited(**PRODUCTION, rate_limits={"read": "7/hour"}).rates
    assert {rule: (rate.amount, rate.get_expiry()) for rule, rate in rates.items()} == {
        "read": (7, 3600),
        "write": (5, 10),
    }


@pytest.mark.parametrize("rates", [{"raed": "7/hour"}, {"read": "often"}, {"read": "0/minute"}])
def test_rates_that_limit_nothing_or_everything_are_refused(rates: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Limited(**PRODUCTION, rate_limits=rates)


def test_a_missing_setting_is_named_and_the_others_are_not_shown() -> None:
    with pytest.raises(ValidationError, match="redis_url") as refused:
        ServiceSettings(**{name: value for name, value in PRODUCTION.items() if name != "redis_url"})
    assert "s3cret" not in str(refused.value)


def test_a_short_cursor_secret_is_refused() -> None:
    with pytest.raises(ValidationError, match="cursor_secret"):
        ServiceSettings(**{**PRODUCTION, "cursor_secret": "short"})


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    assert "s3cret" not in repr(ServiceSettings(**PRODUCTION))


@pytest.mark.parametrize("url", ["", "http://localhost:1", "http://127.0.0.1", "http://[::1]:80", "http://0.0.0.0"])
def test_addresses_of_this_machine_are_known(url: str) -> None:
    assert is_local(url)
    assert not is_local("https://truecrime.example")
