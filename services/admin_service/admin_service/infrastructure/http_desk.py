"""The moderation desk of story_service over HTTP."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx2
import structlog

from admin_service.application.moderation import Passed
from admin_service.domain.errors import DeskUnavailable
from common_auth.errors import ServiceTokenUnavailable
from common_auth.service_tokens import ServiceTokens

log = structlog.get_logger("desk")
_ATTEMPTS = 2  # the second one with a new service token
_KEPT = ("retry-after", "idempotent-replayed")


class HttpDesk:
    """Calls with this service's token and the admin's own; what the desk refuses is the admin's to read."""

    def __init__(self, url: str, tokens: ServiceTokens, http: httpx2.AsyncClient, *, seconds: float = 5.0) -> None:
        self._url, self._tokens, self._http, self._timeout = url, tokens, http, httpx2.Timeout(seconds)

    async def queue(self, actor_token: str, query: Mapping[str, str]) -> Passed:
        """Read a page."""
        return await self._call("GET", "", actor_token, params=dict(query))

    async def assign(self, actor_token: str, case_id: UUID) -> Passed:
        """Take a case."""
        return await self._call("POST", f"/{case_id}/assign", actor_token)

    async def decide(self, actor_token: str, case_id: UUID, key: str, decision: Mapping[str, Any]) -> Passed:
        """Decide a case; the key makes it safe to ask twice."""
        headers = {"Idempotency-Key": key}
        return await self._call("POST", f"/{case_id}/decision", actor_token, headers=headers, json=dict(decision))

    async def _call(
        self, method: str, path: str, actor_token: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> Passed:
        try:
            for _ in range(_ATTEMPTS):
                token = await self._tokens.token()
                sent = {**(headers or {}), "Authorization": f"Bearer {token}", "X-Actor-Token": actor_token}
                answer = await self._http.request(
                    method, f"{self._url}{path}", headers=sent, timeout=self._timeout, **request
                )
                if answer.status_code != httpx2.codes.UNAUTHORIZED:
                    break
                self._tokens.reject(token)
        except (httpx2.HTTPError, ServiceTokenUnavailable) as error:
            log.warning("the desk does not answer", reason=type(error).__name__)
            raise DeskUnavailable from None
        if answer.status_code == httpx2.codes.UNAUTHORIZED or answer.is_server_error:
            log.warning("the desk does not answer", status=answer.status_code)
            raise DeskUnavailable
        kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        media_type = answer.headers.get("content-type", "application/json")
        return Passed(answer.status_code, answer.content, media_type, kept)
