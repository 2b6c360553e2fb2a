"""The environment of each child, built from nothing: what is not written here does not reach it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from sandbox.runner.addresses import Addresses
from sandbox.runner.catalogue import CHECKOUT, SERVICES, Service
from sandbox.runner.choices import Choices
from sandbox.runner.directory import RunDirectory
from sandbox.runner.rates import rates_by_service
from sandbox.servers.errors import CannotStart

_OF_THE_MACHINE = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "PG_BIN_DIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"),
)
_ACCESS_TIMEOUT = "2"  # in production 0.3 s; a laptop runs fourteen processes on the cores of one
_OF_EVERY_SERVICE = (
    *("LOG_LEVEL", "LOG_FORMAT", "DATABASE_POOL_SIZE", "SHUTDOWN_SECONDS"),
    *("TRACE_EXPORTER", "TRACE_SAMPLING_RATIO", "TRACE_OTLP_ENDPOINT", "TRACE_XRAY_DAEMON", "METRICS_EXPORTER"),
)
_OF_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")
_OF_PROVIDERS = (
    *("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY", "DEEPSEEK_API_KEY"),
    "COMPATIBLE_API_KEY",
)
_OF_ONE = {"payment": ("ALLOWED_RETURN_PATHS",), "story": ("CONTENT_MODERATOR_CONFIG",)}


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """A service's own name and secret at Cognito."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Environments:
    """Builds each child's environment from the same addresses."""

    choices: Choices
    addresses: Addresses
    directory: RunDirectory
    secrets: Mapping[str, str] = field(repr=False)

    def machine(self) -> dict[str, str]:
        """Return what any program needs of this machine; loopback calls never go through a proxy."""
        given = self.choices.given
        proxied = ",".join(filter(None, [given.get("NO_PROXY") or given.get("no_proxy"), "127.0.0.1", "localhost"]))
        fixed = {"PYTHONUNBUFFERED": "1", "NO_PROXY": proxied, "no_proxy": proxied, "PYTHONSAFEPATH": "1"}
        return self._pass(_OF_THE_MACHINE) | fixed

    def migrations(self) -> dict[str, str]:
        """Return the environment of what runs as the database's owner."""
        return self.machine() | {"DATABASE_URL": self.addresses.database_url}

    def world(self) -> dict[str, str]:
        ports = self.addresses.ports
        names = {"cognito": "COGNITO_PORT", "stripe": "STRIPE_PORT", "openai": "OPENAI_PORT", "portal": "PORTAL_PORT"}
        names |= {"mail": "MAIL_HTTP_PORT"}
        chosen = {names[app]: str(ports[app]) for app in self.choices.apps}
        return (
            self.machine()
            | {"SHUTDOWN_SECONDS": "1"}  # an open stream must not hold up Ctrl-C
            | self._pass(("OPENAI_TOKENS_PER_SECOND",))
            | chosen
            | {
                "SANDBOX_STATE_DIR": str(self.directory.path / "sandbox"),
                "MAIL_SMTP_PORT": str(ports["mail_smtp"]),
                "STRIPE_API_KEY": self.addresses.stripe.api_key,
                "STRIPE_WEBHOOK_URL": f"{self.addresses.web}/webhooks/stripe",
                "STRIPE_WEBHOOK_SECRET": self.addresses.stripe.webhook_secret,
                "PUBLIC_WEB_ORIGIN": self.addresses.web,
                "REDIS_URL": self.addresses.redis_url,
                "PLATFORM_FILE": str(self.directory.platform_file),
            }
        )

    def alb(self) -> dict[str, str]:
        targets = {f"TARGET_{service.name.upper()}": self.addresses.at(service.name) for service in SERVICES}
        return (
            self.machine()
            | targets
            | {
                "TARGET_WEB": self.addresses.at("portal"),
                "ALB_PORT": str(self.choices.port),
                "ALB_STATUS_PORT": str(self.addresses.ports["alb_status"]),
                "ALB_RULES": str(CHECKOUT / "deploy" / "alb" / "rules.json"),
            }
        )

    def service(
        self, service: Service, clients: Mapping[str, ServiceClient], *, worker: bool = False
    ) -> dict[str, str]:
        own, cognito, at = clients[service.client], self.addresses.cognito, self.addresses.at
        return (
            self.machine()
            | {"SHUTDOWN_SECONDS": "1"}  # an open stream must not hold up Ctrl-C
            | self._pass((*_OF_EVERY_SERVICE, *_OF_ONE.get(service.name, ())))
            | {
                "APP_ENV": "local",
                "ACCESS_TIMEOUT_SECONDS": _ACCESS_TIMEOUT,
                "HOST": "127.0.0.1",
                "PORT": str(self.addresses.ports[service.worker if worker else service.name]),
                "DATABASE_URL": self.addresses.database_url_of(service.role, self.secrets[service.role]),
                "REDIS_URL": self.addresses.redis_url,
                "COGNITO_ISSUER": cognito.issuer,
                "COGNITO_JWKS_URL": cognito.jwks_url,
                "COGNITO_CLIENT_ID": cognito.client_id,
                "COGNITO_SERVICE_CLIENT_IDS": ",".join(client.client_id for client in clients.values()),
                "COGNITO_TOKEN_URL": cognito.token_url,
                "COGNITO_USERPOOL_ID": cognito.user_pool_id,
                "AWS_REGION": cognito.region,
                "SERVICE_CLIENT_ID": own.client_id,
                "SERVICE_CLIENT_SECRET": own.client_secret,
                "USER_BASE_URL": at("user"),
                "STORY_BASE_URL": at("story"),
                "PAYMENT_BASE_URL": at("payment"),
                "PUBLIC_WEB_ORIGIN": self.addresses.web,
                "CURSOR_SECRET": self.secrets["cursor_secret"],
            }
            | self._rates(service)
            | self._vendors(service)
        )

    def seed(self) -> dict[str, str]:
        return self.machine() | {"PLATFORM_FILE": str(self.directory.platform_file)}

    def _rates(self, service: Service) -> dict[str, str]:
        """Return the limits of this service alone: it refuses to start with rules of another one."""
        own = rates_by_service(self.choices.given.get("RATE_LIMITS")).get(service.name)
        return {"RATE_LIMITS": orjson.dumps(own).decode()} if own else {}

    def _vendors(self, service: Service) -> dict[str, str]:
        """Return the far ends that this service alone talks to."""
        if service.name == "payment":
            stripe = self.addresses.stripe
            return {
                "STRIPE_API_KEY": stripe.api_key,
                "STRIPE_API_BASE": stripe.api_base,
                "STRIPE_WEBHOOK_SECRET": stripe.webhook_secret,
            }
        if service.name == "story":
            openai = self.addresses.openai
            return {"OPENAI_API_KEY": openai.api_key, "OPENAI_BASE_URL": openai.base_url} | self._pass(_OF_PROVIDERS)
        if service.name == "user":
            return self._aws()
        return {}

    def _aws(self) -> dict[str, str]:
        api_url, mail = self.addresses.cognito.api_url, {"AWS_ENDPOINT_URL_SESV2": self.addresses.at("mail")}
        if api_url is None:
            return mail | self._pass(_OF_AWS)
        keys = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}
        return {"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": api_url, **mail, **keys}

    def _pass(self, names: tuple[str, ...]) -> dict[str, str]:
        return {name: self.choices.given[name] for name in names if name in self.choices.given}


def read_clients(document: bytes, source: str) -> dict[str, ServiceClient]:
    """Read {"user-service": {"client_id": …, "client_secret": …}, …}, one entry a service."""
    try:
        rows = orjson.loads(document)
        found = {service.client: rows[service.client] for service in SERVICES}
        return {name: ServiceClient(row["client_id"], row["client_secret"]) for name, row in found.items()}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        names = ", ".join(service.client for service in SERVICES)
        raise CannotStart(f"{source} does not name client_id and client_secret of each of {names}.") from None


def python(module: str) -> tuple[str, ...]:
    """Return the words that run the `main` of one of our modules with the interpreter of this process."""
    return (sys.executable, "-m", "common_service.launch", module)


def alembic(folder: Path) -> tuple[str, ...]:
    """Return the words that bring one service's schema to its head."""
    return (sys.executable, "-m", "alembic", "-c", str(folder / "alembic.ini"), "upgrade", "head")
