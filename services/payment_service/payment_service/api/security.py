"""How routes behind a token may refuse, in the faces of this service."""

from typing import Any

from common_auth.bearer import SERVICE, SIGNED_IN
from common_auth.errors import NOT_PERMITTED, NOT_SIGNED_IN
from payment_service.api.problems import FACES

__all__ = ["SERVICE", "SIGNED_IN", "refusing", "refusing_services"]


def refusing(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route for signed-in people."""
    return FACES.responses(*NOT_SIGNED_IN, *refusals)


def refusing_services(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route for services."""
    return FACES.responses(*NOT_PERMITTED, *refusals)
