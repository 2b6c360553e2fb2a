"""What production refuses to start with."""

import pytest
from pydantic import ValidationError

from common_service.testing import NOWHERE
from payment_service.main import create_app
from payment_service.settings import Settings
from payment_service.wiring import background

LOCAL = NOWHERE | {"stripe_api_key": "sk_test_1"}
ISSUER = "https://cognito-idp.eu-west-2.amazonaws.com/eu-west-2_Pool"
PRODUCTION = {
    "app_env": "production",
    "database_url": "postgresql://svc_payment:x@db.internal/truecrime",
    "redis_url": "rediss://cache.internal",
    "cognito_issuer": ISSUER,
    "cognito_jwks_url": f"{ISSUER}/.well-known/jwks.json",
    "cognito_token_url": "https://auth.truecrime.test/oauth2/token",
    "cognito_client_id": "web",
    "service_client_secret": "secret",
    "cursor_secret": "a secret of production",
    "public_web_origin": "https://truecrime.test",
    "stripe_api_key": "sk_live_1",
    "stripe_webhook_secret": "whsec_1,whsec_2",
    "cognito_service_client_ids": "story, admin",
}


def test_production_starts_with_what_production_has() -> None:
    settings = Settings.model_validate(PRODUCTION)
    assert (settings.livemode, settings.webhook_secrets) == (True, ["whsec_1", "whsec_2"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stripe_api_key", "sk_test_1"),
        ("stripe_api_base", "http://127.0.0.1:9"),
        ("stripe_webhook_secret", ""),
        ("stripe_webhook_secret", "whsec_1,other"),
        ("database_url", LOCAL["database_url"]),
    ],
)
def test_production_names_what_it_refuses(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name.upper()):
        Settings.model_validate(PRODUCTION | {name: value})


@pytest.mark.anyio
async def test_the_worker_can_be_built_without_any_network() -> None:
    parts = background(Settings.model_validate(LOCAL))
    assert {"customer-syncs", "access-edges", "prices"} < {job.name for job in parts.jobs}
    await parts.close()


def test_the_application_can_be_built_without_any_network() -> None:
    app = create_app(Settings.model_validate(LOCAL | {"allowed_return_paths": "/, /x"}))
    assert app.openapi()["info"]["title"] == "TrueCrime payment service"
