"""The moderation desk of story_service over HTTP."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx2

from admin_service.application.passing import Passed
from admin_service.domain.errors import DeskUnavailable
from admin_service.infrastructure.http_passage import HttpPassage
from common_auth.service_tokens import ServiceTokens


class HttpDesk:
    """What the desk refuses is the admin's to read."""

    def __init__(self, url: str, tokens: ServiceTokens, http: httpx2.AsyncClient, *, seconds: float = 5.0) -> None:
        self._passage = HttpPassage(url, tokens, http, DeskUnavailable, seconds=seconds)

    async def queue(self, actor_token: str, query: Mapping[str, str]) -> Passed:
        """Read a page."""
        return await self._passage.call("GET", "", actor_token, params=dict(query))

    async def assign(self, actor_token: str, case_id: UUID) -> Passed:
        """Take a case."""
        return await self._passage.call("POST", f"/{case_id}/assign", actor_token)

    async def decide(self, actor_token: str, case_id: UUID, key: str, decision: Mapping[str, Any]) -> Passed:
        """Decide a case; the key makes it safe to ask twice."""
        headers = {"Idempotency-Key": key}
        return await self._passage.call(
            "POST", f"/{case_id}/decision", actor_token, headers=headers, json=dict(decision)
        )
