"""Where everything answers: from the chosen ports, and from what the environment put in the sandbox's place."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sandbox.runner.catalogue import SERVICES
from sandbox.runner.choices import OPENAI, STRIPE, Choices
from sandbox.servers.postgres import postgres_url
from sandbox.servers.redis import redis_url

POOL = "eu-west-2_TrueCrime"
WEB_CLIENT = "truecrime-web"
_SERVERS = ("postgres", "redis", "cognito", "stripe", "openai", "mail", "mail_smtp", "portal", "alb_status")
PORT_NAMES = (*_SERVERS, *(name for service in SERVICES for name in (service.name, service.worker)))
SECRET_NAMES = ("stripe_api_key", "stripe_webhook_secret", "cursor_secret", *(service.role for service in SERVICES))


@dataclass(frozen=True, slots=True)
class Cognito:
    issuer: str
    jwks_url: str
    token_url: str
    client_id: str
    user_pool_id: str
    region: str
    login_url: str
    api_url: str | None  # None: AWS, found by its SDK


@dataclass(frozen=True, slots=True)
class Stripe:
    api_base: str
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenAI:
    base_url: str
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Everything that a process, a tool or a person must find."""

    ports: dict[str, int]
    web: str
    database_url: str = field(repr=False)
    redis_url: str
    cognito: Cognito
    stripe: Stripe
    openai: OpenAI

    def at(self, name: str) -> str:
        """Return the private address of a process of ours."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def database_url_of(self, role: str, password: str) -> str:
        """Return the database's address for the login role of a service."""
        parts = urlsplit(self.database_url)
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{role}:{password}@{host}").geturl()


def find_addresses(choices: Choices, ports: dict[str, int], secrets: dict[str, str]) -> Addresses:
    """Join what the environment gives with what the sandbox offers."""
    given = choices.given
    stripe = f"http://127.0.0.1:{ports['stripe']}" if choices.stripe_is_ours else STRIPE
    openai = f"http://127.0.0.1:{ports['openai']}/v1" if choices.openai_is_ours else OPENAI
    return Addresses(
        ports=ports,
        web=f"http://127.0.0.1:{choices.port}",
        database_url=choices.database_url or postgres_url(ports["postgres"]),
        redis_url=choices.redis_url or redis_url(ports["redis"]),
        cognito=_cognito(choices, f"http://127.0.0.1:{ports['cognito']}"),
        stripe=Stripe(
            given.get("STRIPE_API_BASE", stripe),
            given.get("STRIPE_API_KEY") or f"sk_test_{secrets['stripe_api_key']}",
            given.get("STRIPE_WEBHOOK_SECRET") or f"whsec_{secrets['stripe_webhook_secret']}",
        ),
        openai=OpenAI(given.get("OPENAI_BASE_URL", openai), given.get("OPENAI_API_KEY") or "sk-sandbox"),
    )


def _cognito(choices: Choices, sandbox: str) -> Cognito:
    given = choices.given
    issuer = given.get("COGNITO_ISSUER", f"{sandbox}/{POOL}")
    token_url = given.get("COGNITO_TOKEN_URL", f"{sandbox}/oauth2/token")
    pool = given.get("COGNITO_USERPOOL_ID") or issuer.rpartition("/")[2]
    return Cognito(
        issuer=issuer,
        jwks_url=given.get("COGNITO_JWKS_URL", f"{issuer}/.well-known/jwks.json"),
        token_url=token_url,
        client_id=given.get("COGNITO_CLIENT_ID", WEB_CLIENT),
        user_pool_id=pool,
        region=given.get("AWS_REGION") or pool.partition("_")[0],
        login_url=token_url.removesuffix("/oauth2/token") if not choices.cognito_is_ours else sandbox,
        api_url=sandbox if choices.cognito_is_ours else None,
    )
