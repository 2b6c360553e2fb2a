"""How routes behind a token may refuse, in the faces of this service."""

from typing import Any
from uuid import UUID

from common_auth.bearer import SERVICE, SIGNED_IN, actor_header
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


def actor_of(caller: ServiceCaller) -> UUID:
    """Return the admin behind a call of a route that demands one."""
    assert caller.actor is not None, "the route does not demand an admin"
    return caller.actor.user_id
