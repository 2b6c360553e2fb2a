"""The four services as the runner knows them: their package, their place in the database, their names outside."""

from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
SANDBOX_APPS = ("cognito", "stripe", "openai", "mail", "portal")
PASSWORD_OF_THE_SEEDED = "Case-File-2026"  # noqa: S105 - printed on the sandbox's own pages
PEOPLE = {
    "reader": "reader@truecrime.test",
    "subscriber": "subscriber@truecrime.test",
    "admin": "admin@truecrime.test",
}


@dataclass(frozen=True, slots=True)
class Service:
    """One deployable: an HTTP process and a worker."""

    name: str
    schema: str

    @property
    def package(self) -> str:
        return f"{self.name}_service"

    @property
    def role(self) -> str:
        return f"svc_{self.name}"

    @property
    def client(self) -> str:
        """The name of its machine-to-machine client at Cognito."""
        return f"{self.name}-service"

    @property
    def worker(self) -> str:
        return f"{self.name}-worker"

    @property
    def folder(self) -> Path:
        return CHECKOUT / "services" / self.package


SERVICES = (
    Service("user", "users"),
    Service("story", "story"),
    Service("payment", "payment"),
    Service("admin", "admin"),
)
