"""Answers of any route under idempotency keys, in Postgres."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common_service.idempotency import IdempotencyKeyReused, IdempotencyKeys
from story_service.application.attempts import AttemptKey
from story_service.infrastructure.tables import idempotency_keys


class SqlAnswers:
    """Whole answers, as they went over the wire."""

    def __init__(self, session: AsyncSession) -> None:
        self._session, self._keys = session, IdempotencyKeys(session, idempotency_keys)

    async def answer(self, user_id: str, route: str, key: AttemptKey, now: datetime) -> dict[str, Any] | None:
        """Look, without locking: most keys are new. Raises IdempotencyKeyReused."""
        columns = idempotency_keys.c
        query = select(columns.request_hash, columns.response_body).where(
            columns.principal == user_id,
            columns.route == route,
            columns.key == key.value,
            columns.state == "done",
            columns.expires_at > now,
        )
        row = (await self._session.execute(query)).first()
        if row is None:
            return None
        if row.request_hash != key.digest:
            raise IdempotencyKeyReused
        body: dict[str, Any] = row.response_body
        return body

    async def claim(self, user_id: str, route: str, key: AttemptKey, now: datetime) -> dict[str, Any] | None:
        """Take the key, or return what it was answered. Raises IdempotencyKeyReused, IdempotencyInProgress."""
        stored = await self._keys.claim(user_id, route, key.value, key.digest, now)
        return stored.body if stored else None

    async def keep(self, user_id: str, route: str, key: AttemptKey, status: int, body: dict[str, Any]) -> None:
        """Write the answer."""
        await self._keys.complete(user_id, route, key.value, status, body)
