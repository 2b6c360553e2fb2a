"""What the person's environment chooses: real vendors and servers in place of the sandbox's, and the public port."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.runner.catalogue import CHECKOUT, SANDBOX_APPS
from sandbox.runner.rates import rates_by_service
from sandbox.servers.errors import CannotStart

OPENAI = "https://api.openai.com/v1"
STRIPE = "https://api.stripe.com"
_COGNITO_NEEDS = ("COGNITO_CLIENT_ID", "COGNITO_TOKEN_URL", "SERVICE_CLIENTS_FILE")
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Choices:
    """Read once from the environment of `make run`; an empty variable counts as absent."""

    given: Mapping[str, str] = field(repr=False)
    port: int
    directory: Path

    @property
    def database_url(self) -> str | None:
        return self.given.get("DATABASE_URL")

    @property
    def redis_url(self) -> str | None:
        return self.given.get("REDIS_URL")

    @property
    def cognito_is_ours(self) -> bool:
        return "COGNITO_ISSUER" not in self.given

    @property
    def stripe_is_ours(self) -> bool:
        return "STRIPE_API_KEY" not in self.given and "STRIPE_API_BASE" not in self.given

    @property
    def openai_is_ours(self) -> bool:
        return "OPENAI_API_KEY" not in self.given and "OPENAI_BASE_URL" not in self.given

    @property
    def apps(self) -> tuple[str, ...]:
        """The parts of the sandbox that run."""
        ours = {"cognito": self.cognito_is_ours, "stripe": self.stripe_is_ours, "openai": self.openai_is_ours}
        return tuple(app for app in SANDBOX_APPS if ours.get(app, True))


def read_choices(environment: Mapping[str, str]) -> Choices:
    """Refuse, in a sentence, what cannot work."""
    given = _with_issuer({name: value.strip() for name, value in environment.items() if value.strip()})
    if "STRIPE_API_KEY" in given and "STRIPE_API_BASE" not in given and "STRIPE_WEBHOOK_SECRET" not in given:
        raise CannotStart(
            "STRIPE_API_KEY is set and STRIPE_WEBHOOK_SECRET is not: the real Stripe's webhooks could not be verified; "
            "set both, or neither to use the Stripe sandbox."
        )
    rates_by_service(given.get("RATE_LIMITS"))
    missing = [name for name in _COGNITO_NEEDS if name not in given]
    if "COGNITO_ISSUER" in given and missing:
        raise CannotStart(
            f"A Cognito pool of your own is set, so that {' and '.join(missing)} must be set too; "
            "set none to use the Cognito sandbox."
        )
    return Choices(given, _port(given.get("PORT", "8000")), Path(given.get("RUN_DIR") or CHECKOUT / ".run").absolute())


def _with_issuer(given: dict[str, str]) -> dict[str, str]:
    """Derive the issuer where a pool is named, as the source documents do; its region stands before the underscore."""
    pool = given.get("COGNITO_USERPOOL_ID", "")
    if not pool or "COGNITO_ISSUER" in given:
        return given
    region, underscore, _ = pool.partition("_")
    if not underscore:
        raise CannotStart(f"COGNITO_USERPOOL_ID is {pool!r}, which is no pool id such as eu-west-2_AbCdEfGhI.")
    return given | {"COGNITO_ISSUER": f"https://cognito-idp.{region}.amazonaws.com/{pool}"}


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _LAST_PORT:
        raise CannotStart(f"PORT is {text!r}, which is no port number.")
    return int(text)
