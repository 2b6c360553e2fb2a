"""Where everything answers, and what each child is told of it."""

from collections.abc import Callable

import pytest

from sandbox.runner.addresses import Addresses
from sandbox.runner.catalogue import SERVICES, Service
from sandbox.runner.environments import Environments, ServiceClient, read_clients
from sandbox.servers.errors import CannotStart

USER, STORY, PAYMENT, ADMIN = SERVICES
CLIENTS = {service.client: ServiceClient(service.client, f"secret of {service.name}") for service in SERVICES}
AddressesFor = Callable[..., Addresses]
EnvironmentsFor = Callable[..., Environments]


def test_every_far_end_can_be_replaced_alone(addresses_for: AddressesFor) -> None:
    found = addresses_for(
        DATABASE_URL="postgresql://me:pw@db.example:5433/tc?sslmode=require",
        REDIS_URL="redis://cache.example:6379/1",
        COGNITO_JWKS_URL="http://127.0.0.1:9/keys.json",
        STRIPE_WEBHOOK_SECRET="whsec_mine",
        OPENAI_BASE_URL="http://127.0.0.1:8/v1",
    )
    assert found.database_url_of("svc_story", "x") == "postgresql://svc_story:x@db.example:5433/tc?sslmode=require"
    assert found.redis_url == "redis://cache.example:6379/1"
    assert found.cognito.jwks_url == "http://127.0.0.1:9/keys.json"
    assert found.cognito.api_url is not None
    assert found.stripe.webhook_secret == "whsec_mine"
    assert found.openai.base_url == "http://127.0.0.1:8/v1"


def test_a_real_key_means_the_real_address(addresses_for: AddressesFor) -> None:
    found = addresses_for(OPENAI_API_KEY="sk-1", STRIPE_API_KEY="sk_test_1", STRIPE_WEBHOOK_SECRET="whsec_1")
    assert found.openai.base_url == "https://api.openai.com/v1"
    assert found.stripe.api_base == "https://api.stripe.com"


def test_a_real_pool_tells_region_and_pool_by_its_issuer(addresses_for: AddressesFor) -> None:
    found = addresses_for(
        COGNITO_ISSUER="https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc",
        COGNITO_CLIENT_ID="web",
        COGNITO_TOKEN_URL="https://login.example.com/oauth2/token",
        SERVICE_CLIENTS_FILE="clients.json",
    ).cognito
    assert (found.user_pool_id, found.region) == ("eu-west-1_Abc", "eu-west-1")
    assert found.jwks_url == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc/.well-known/jwks.json"
    assert found.login_url == "https://login.example.com"
    assert found.api_url is None


def test_a_child_gets_nothing_that_is_not_written_down(environments_for: EnvironmentsFor) -> None:
    environments = environments_for(PATH="/bin", AWS_SECRET_ACCESS_KEY="mine", GITHUB_TOKEN="mine", OPENAI_API_KEY="sk")
    story, payment = environments.service(STORY, CLIENTS), environments.service(PAYMENT, CLIENTS)
    assert story["PATH"] == "/bin"
    assert not {"AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN"} & {*story, *payment, *environments.world()}
    assert story["OPENAI_API_KEY"] == "sk"
    assert "OPENAI_API_KEY" not in payment


def test_only_who_writes_gets_the_keys_of_other_providers(environments_for: EnvironmentsFor) -> None:
    keys = {name: f"key of {name}" for name in ("ANTHROPIC_API_KEY", "GROQ_API_KEY", "COMPATIBLE_API_KEY")}
    environments = environments_for(**keys, MISTRAL_API_KEY="unknown")
    story = environments.service(STORY, CLIENTS)
    assert {name: key for name, key in story.items() if name in keys} == keys
    assert not {"MISTRAL_API_KEY", "GEMINI_API_KEY"} & story.keys()
    assert not keys.keys() & environments.service(PAYMENT, CLIENTS).keys()


def test_a_service_logs_in_as_its_own_role_and_client(environments_for: EnvironmentsFor) -> None:
    environment = environments_for().service(STORY, CLIENTS)
    assert environment["DATABASE_URL"].startswith("postgresql://svc_story:made-svc_story@127.0.0.1:")
    assert (environment["SERVICE_CLIENT_ID"], environment["SERVICE_CLIENT_SECRET"]) == (
        "story-service",
        "secret of story",
    )
    assert environment["COGNITO_SERVICE_CLIENT_IDS"] == "user-service,story-service,payment-service,admin-service"


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_worker_differs_from_its_service_by_its_port_alone(
    environments_for: EnvironmentsFor, service: Service
) -> None:
    environments = environments_for()
    own = environments.service(service, CLIENTS)
    worker = environments.service(service, CLIENTS, worker=True)
    assert {name for name in own if own[name] != worker.get(name)} == {"PORT"}


def test_loopback_calls_never_go_through_a_proxy(environments_for: EnvironmentsFor) -> None:
    environment = environments_for(HTTPS_PROXY="http://proxy:3128", NO_PROXY=".example.com").machine()
    assert environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert environment["NO_PROXY"].split(",") == [".example.com", "127.0.0.1", "localhost"]


def test_the_public_port_is_where_webhooks_and_browsers_come(environments_for: EnvironmentsFor) -> None:
    environments = environments_for(PORT="8123")
    assert environments.world()["STRIPE_WEBHOOK_URL"] == "http://127.0.0.1:8123/webhooks/stripe"
    assert environments.alb()["ALB_PORT"] == "8123"
    assert environments.service(USER, CLIENTS)["PUBLIC_WEB_ORIGIN"] == "http://127.0.0.1:8123"


def test_a_vendor_that_is_not_ours_is_not_served(environments_for: EnvironmentsFor) -> None:
    assert "OPENAI_PORT" not in environments_for(OPENAI_API_KEY="sk").world()


def test_each_service_is_told_its_own_rate_limits(environments_for: EnvironmentsFor) -> None:
    environments = environments_for(RATE_LIMITS='{"story.create_story": "30/minute", "user.provision_me": "9/hour"}')
    assert environments.service(STORY, CLIENTS)["RATE_LIMITS"] == '{"story.create_story":"30/minute"}'
    assert environments.service(USER, CLIENTS)["RATE_LIMITS"] == '{"user.provision_me":"9/hour"}'
    assert "RATE_LIMITS" not in environments.service(PAYMENT, CLIENTS)


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"user-service": {"client_id": "x"}}'])
def test_clients_that_are_not_all_there_are_refused(document: bytes) -> None:
    with pytest.raises(CannotStart, match=r"clients\.json does not name"):
        read_clients(document, "clients.json")
