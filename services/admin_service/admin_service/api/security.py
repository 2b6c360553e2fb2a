"""The bearer scheme as the contract names it; the checking is `common_auth`'s."""

from typing import Any

from fastapi import Depends
from fastapi.security import HTTPBearer

from admin_service.api.problems import FACES
from common_auth.errors import Forbidden, KeysUnavailable, TokenExpired, TokenInvalid, Unauthenticated

SIGNED_IN = Depends(
    HTTPBearer(bearerFormat="JWT", scheme_name="access_token", description="Cognito's access token.", auto_error=False)
)


def refusing(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route for admins."""
    return FACES.responses(Unauthenticated, TokenInvalid, TokenExpired, KeysUnavailable, Forbidden, *refusals)
