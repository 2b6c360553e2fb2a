"""The people of user_service over HTTP."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx2

from admin_service.application.passing import Passed
from admin_service.domain.errors import UsersUnavailable
from admin_service.infrastructure.http_passage import HttpPassage
from common_auth.service_tokens import ServiceTokens


class HttpUsers:
    """What user_service refuses is the admin's to read."""

    def __init__(self, url: str, tokens: ServiceTokens, http: httpx2.AsyncClient, *, seconds: float = 10.0) -> None:
        self._passage = HttpPassage(url, tokens, http, UsersUnavailable, seconds=seconds)

    async def change_status(self, actor_token: str, user_id: UUID, status: Mapping[str, Any]) -> Passed:
        """Suspend or reinstate somebody. Raises UsersUnavailable."""
        return await self._passage.call("PUT", f"/{user_id}/status", actor_token, json=dict(status))
