"""How routes behind a token may refuse, in the faces of this service."""

from typing import Any
from uuid import UUID

from common_auth.bearer import SERVICE, SIGNED_IN
from common_auth.callers import ServiceCaller
from common_auth.errors import NOT_PERMITTED, NOT_SIGNED_IN
from payment_service.api.problems import FACES

__all__ = ["SERVICE", "SIGNED_IN", "actor_header", "actor_of", "refusing", "refusing_services"]


def refusing(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route for signed-in people."""
    return FACES.responses(*NOT_SIGNED_IN, *refusals)


def refusing_services(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route for services."""
    return FACES.responses(*NOT_PERMITTED, *refusals)


def actor_header(permission: str) -> dict[str, Any]:
    """Return what OpenAPI says of a route that needs an admin with a permission behind the service."""
    described = f"The access token of the admin behind the call, who needs {permission}."
    header = {"name": "X-Actor-Token", "in": "header", "required": True, "description": described}
    return {"parameters": [header | {"schema": {"type": "string"}}]}


def actor_of(caller: ServiceCaller) -> UUID:
    """Return the admin behind a call of a route that demands one."""
    assert caller.actor is not None, "the route does not demand an admin"
    return caller.actor.user_id
