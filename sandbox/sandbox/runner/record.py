"""What `.run/platform.json` tells tools, tests and the front page about the running platform."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.runner.addresses import Addresses
from sandbox.runner.catalogue import PASSWORD_OF_THE_SEEDED, PEOPLE, SERVICES, Service
from sandbox.runner.choices import Choices


def describe(
    choices: Choices, addresses: Addresses, passwords: Mapping[str, str], clients_file: Path, pids: Mapping[str, int]
) -> dict[str, Any]:
    """Return the document. Its `is_ours` members are false where the environment put something else in place."""
    cognito = addresses.cognito
    return {
        "web": addresses.web,
        "runner_pid": pids["run"],
        "pids": dict(pids),
        "directory": str(choices.directory),
        "alb": {"url": addresses.web, "port": choices.port, "status_url": f"{addresses.at('alb_status')}/_alb/health"},
        "services": {service.name: _service(addresses, service, passwords[service.role]) for service in SERVICES},
        "cognito": {
            "is_ours": choices.cognito_is_ours,
            "url": cognito.login_url,
            "issuer": cognito.issuer,
            "jwks_url": cognito.jwks_url,
            "token_url": cognito.token_url,
            "client_id": cognito.client_id,
            "user_pool_id": cognito.user_pool_id,
            "region": cognito.region,
            "service_clients_file": str(clients_file),
        },
        "stripe": {
            "is_ours": choices.stripe_is_ours,
            "url": addresses.stripe.api_base,
            "webhook_url": f"{addresses.web}/webhooks/stripe",
        },
        "openai": {
            "is_ours": choices.openai_is_ours,
            "url": addresses.openai.base_url.removesuffix("/v1"),
            "base_url": addresses.openai.base_url,
        },
        "mail": {"url": addresses.at("mail"), "smtp_port": addresses.ports["mail_smtp"]},
        "portal": {"url": addresses.at("portal")},
        "database_url": addresses.database_url,
        "redis_url": addresses.redis_url,
        "people": [
            {"role": role, "email": email, "password": PASSWORD_OF_THE_SEEDED} for role, email in PEOPLE.items()
        ],
    }


def _service(addresses: Addresses, service: Service, password: str) -> dict[str, str]:
    return {
        "url": addresses.at(service.name),
        "ready_url": f"{addresses.at(service.name)}/readyz",
        "worker_url": addresses.at(service.worker),
        "docs_url": f"{addresses.web}/{service.name}/docs",
        "openapi_url": f"{addresses.web}/{service.name}/v1/openapi.json",
        "schema": service.schema,
        "role": service.role,
        "database_url": addresses.database_url_of(service.role, password),
    }
