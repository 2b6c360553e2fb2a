"""The bearer schemes as the contract names them; the checking is `common_auth`'s."""

from typing import Any

from fastapi import Depends
from fastapi.security import HTTPBearer

from common_auth.errors import Forbidden, KeysUnavailable, TokenExpired, TokenInvalid, Unauthenticated
from payment_service.api.problems import FACES

SIGNED_IN = Depends(
    HTTPBearer(bearerFormat="JWT", scheme_name="access_token", description="Cognito's access token.", auto_error=False)
)
SERVICE = Depends(
    HTTPBearer(
        bearerFormat="JWT", scheme_name="service_token", description="A client-credentials token.", auto_error=False
    )
)
_ALWAYS = (Unauthenticated, TokenInvalid, TokenExpired, KeysUnavailable)


def refusing(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route for signed-in people."""
    return FACES.responses(*_ALWAYS, *refusals)


def refusing_services(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route for services."""
    return FACES.responses(*_ALWAYS, Forbidden, *refusals)
