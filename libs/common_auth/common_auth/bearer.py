"""The bearer schemes as the contracts name them; the checking is that of `callers`."""

from typing import Any

from fastapi import Depends
from fastapi.security import APIKeyHeader, HTTPBearer

from common_auth.callers import Callers


def _shown(name: str, description: str) -> Any:
    return Depends(HTTPBearer(bearerFormat="JWT", scheme_name=name, description=description, auto_error=False))


SIGNED_IN = _shown("access_token", "Cognito's access token.")
SERVICE = _shown("service_token", "A client-credentials token.")
GUEST = Depends(
    APIKeyHeader(
        name="X-Guest-Token",
        scheme_name="guest_token",
        description="The token of a guest of one collaboration session.",
        auto_error=False,
    )
)


def actor_header(permission: str, *, required: bool = True) -> dict[str, Any]:
    """Return what OpenAPI says of a route that asks for an admin with a permission behind the service."""
    described = f"The access token of the admin behind the call, who needs {permission}."
    header = {"name": "X-Actor-Token", "in": "header", "required": required, "description": described}
    return {"parameters": [header | {"schema": {"type": "string"}}]}


def only_for(callers: Callers, scope: str, *, acting: str) -> dict[str, Any]:
    """Return what a route says that is for a service with `scope`, behind which stands an admin who may do `acting`."""
    return {
        "dependencies": [SERVICE, Depends(callers.service(scope, acting=acting))],
        "openapi_extra": actor_header(acting),
    }
