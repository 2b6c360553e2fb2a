"""The bearer schemes as the contracts name them; the checking is that of `callers`."""

from typing import Any

from fastapi import Depends
from fastapi.security import HTTPBearer


def _shown(name: str, description: str) -> Any:
    return Depends(HTTPBearer(bearerFormat="JWT", scheme_name=name, description=description, auto_error=False))


SIGNED_IN = _shown("access_token", "Cognito's access token.")
SERVICE = _shown("service_token", "A client-credentials token.")
