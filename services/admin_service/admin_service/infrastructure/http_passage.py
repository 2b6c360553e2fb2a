"""Calls of an admin's that other services answer: with this service's token and the admin's own."""

from collections.abc import Mapping
from typing import Any

import httpx2
import structlog

from admin_service.application.passing import Passed
from admin_service.domain.errors import Refusal
from common_auth.errors import ServiceTokenUnavailable
from common_auth.service_tokens import ServiceTokens

log = structlog.get_logger("passing")
_ATTEMPTS = 2  # the second one with a new service token
_KEPT = ("retry-after", "idempotent-replayed")


class HttpPassage:
    """The way to one service; where that does not answer, `unavailable` is raised."""

    def __init__(
        self,
        url: str,
        tokens: ServiceTokens,
        http: httpx2.AsyncClient,
        unavailable: type[Refusal],
        *,
        seconds: float = 5.0,
    ) -> None:
        self._url, self._tokens, self._http, self._timeout = url, tokens, http, httpx2.Timeout(seconds)
        self._unavailable = unavailable

    async def call(
        self, method: str, path: str, actor_token: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> Passed:
        """Pass a call on, and its answer back."""
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
            log.warning("no answer", url=self._url, reason=type(error).__name__)
            raise self._unavailable() from None
        if answer.status_code == httpx2.codes.UNAUTHORIZED or answer.is_server_error:
            log.warning("no answer", url=self._url, status=answer.status_code)
            raise self._unavailable()
        kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        media_type = answer.headers.get("content-type", "application/json")
        return Passed(answer.status_code, answer.content, media_type, kept)
