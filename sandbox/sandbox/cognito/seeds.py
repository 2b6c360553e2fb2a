"""What a new pool starts with: the app clients, two groups and three people whose password everybody may know."""

import secrets
import uuid

from sandbox.cognito.passwords import hash_password
from sandbox.cognito.pool import UserPool
from sandbox.cognito.records import SELF_SERVICE, Client, Group, Status, User

WEB_CLIENT_ID = "truecrime-web"
WEB_SCOPES = ("openid", "email", "profile", SELF_SERVICE)
SERVICE_SCOPES = {
    "user-service": ("payment/access", "story/admin"),
    "story-service": ("payment/access", "user/read"),
    "payment-service": ("user/read",),
    "admin-service": (
        *("user/read", "user/admin", "payment/admin", "payment/access", "story/admin", "story/moderate"),
        *("user/events", "payment/events", "story/events", "admin/admin"),
    ),
}
GROUPS = {"admin": (0, "May use the admin service"), "reader": (10, "Everybody who reads")}
PEOPLE = {"reader@truecrime.test": (), "subscriber@truecrime.test": (), "admin@truecrime.test": ("admin",)}
PASSWORD = "Case-File-2026"  # noqa: S105 - the seeded people's, shown on the pages


def plant(pool: UserPool) -> None:
    """Add what is missing. Scopes follow this file; secrets, people and their changes are left alone."""
    with pool.changing():
        for name, (precedence, description) in GROUPS.items():
            pool.groups.setdefault(name, Group(name, pool.now(), description, precedence))
        pool.clients[WEB_CLIENT_ID] = Client(WEB_CLIENT_ID, WEB_SCOPES)
        for client_id, scopes in SERVICE_SCOPES.items():
            known = pool.clients.get(client_id)
            pool.clients[client_id] = Client(client_id, scopes, (known and known.secret) or secrets.token_urlsafe(36))
        if not pool.users:
            for email, groups in PEOPLE.items():
                user = _person(pool, email, groups)
                pool.users[user.username] = user


def _person(pool: UserPool, email: str, groups: tuple[str, ...]) -> User:
    now = pool.now()
    name = {"name": email.partition("@")[0].capitalize()}
    return User(
        username=str(uuid.uuid4()),
        email=email,
        password=hash_password(PASSWORD),
        status=Status.CONFIRMED,
        created_at=now,
        modified_at=now,
        email_verified=True,
        groups=groups,
        attributes=name,
    )
