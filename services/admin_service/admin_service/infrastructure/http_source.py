"""One kind of document about a person, fetched from the service that owns it on behalf of an admin."""

from typing import Any
from uuid import UUID

import httpx2
import structlog

from admin_service.application.ports import Document, SourceUnavailable
from common_auth.errors import ServiceTokenUnavailable
from common_auth.service_tokens import ServiceTokens

log = structlog.get_logger("sources")
_ATTEMPTS = 2  # the second one with a new service token


class HttpSource:
    """`GET {base_url}{path}/{user_id}` with this service's token and the admin's own."""

    def __init__(self, url: str, tokens: ServiceTokens, http: httpx2.AsyncClient, *, seconds: float = 2.0) -> None:
        self._url, self._tokens, self._http, self._timeout = url, tokens, http, httpx2.Timeout(seconds)

    async def of(self, user_id: UUID, actor_token: str) -> Document | None:
        """Return the document, None for 404. Raises SourceUnavailable."""
        try:
            answer = await self._get(user_id, actor_token)
            if answer.status_code == httpx2.codes.NOT_FOUND:
                return None
            answer.raise_for_status()
            return _object(answer.json())
        except (httpx2.HTTPError, ServiceTokenUnavailable, ValueError) as error:
            log.warning("a section is missing", source=self._url, reason=type(error).__name__)
            raise SourceUnavailable from None

    async def _get(self, user_id: UUID, actor_token: str) -> httpx2.Response:
        for _ in range(_ATTEMPTS):
            token = await self._tokens.token()
            headers = {"Authorization": f"Bearer {token}", "X-Actor-Token": actor_token}
            answer = await self._http.get(f"{self._url}/{user_id}", headers=headers, timeout=self._timeout)
            if answer.status_code != httpx2.codes.UNAUTHORIZED:
                break
            self._tokens.reject(token)
        return answer


def _object(document: Any) -> dict[str, Any]:
    match document:
        case dict():
            return document
        case _:
            raise ValueError("not an object")
