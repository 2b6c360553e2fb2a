"""What only a sandbox has: the pool laid open, keys to rotate, the seeded people's password."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.responses import Response

from sandbox.cognito.keys import KeyRing
from sandbox.cognito.pool import UserPool
from sandbox.cognito.records import POOL_ID
from sandbox.cognito.seeds import PASSWORD, PEOPLE, WEB_CLIENT_ID
from sandbox.pages.pages import page

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Control:
    """The overview page and the routes under /_sandbox/."""

    issuer: str
    pool: UserPool
    keys: KeyRing

    def clients(self) -> dict[str, Any]:
        """The services' clients by name, secrets included."""
        services = [client for client in self.pool.clients.values() if client.secret]
        return {
            client.client_id: {
                "client_id": client.client_id,
                "client_secret": client.secret,
                "scopes": list(client.scopes),
            }
            for client in services
        }

    def summary(self) -> dict[str, Any]:
        """What a configuration needs beside the secrets, and who was seeded."""
        return {
            "issuer": self.issuer,
            "user_pool_id": POOL_ID,
            "web_client_id": WEB_CLIENT_ID,
            "people": [
                {"email": email, "password": PASSWORD, "groups": list(groups)} for email, groups in PEOPLE.items()
            ],
        }

    def overview(self) -> Response:
        users = sorted(self.pool.users.values(), key=lambda user: user.created_at, reverse=True)
        return page(
            _TEMPLATES,
            "pool.html.jinja",
            issuer=self.issuer,
            users=users,
            clients=list(self.pool.clients.values()),
            keys=self.keys.published(),
        )
