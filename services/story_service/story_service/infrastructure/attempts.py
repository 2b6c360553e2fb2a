"""Answers under idempotency keys, in Postgres."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from common_service.idempotency import IdempotencyKeyReused, IdempotencyKeys
from common_service.statements import Compiled, row
from story_service.application.attempts import AttemptKey
from story_service.application.ports import Acceptance
from story_service.domain.character import Character, Kind, Persona, Visibility
from story_service.domain.ids import CharacterId, UserId
from story_service.infrastructure.documents import acceptance_document, acceptance_of
from story_service.infrastructure.tables import idempotency_keys

_ACCEPTED, _CREATED = 202, 201
_KEYS = idempotency_keys.c
_ANSWERED = Compiled(
    select(_KEYS.request_hash, _KEYS.response_body).where(
        _KEYS.principal == bindparam("whose"),
        _KEYS.route == bindparam("of_route"),
        _KEYS.key == bindparam("of_key"),
        _KEYS.state == "done",
        _KEYS.expires_at > bindparam("now"),
    )
)


class KeptAnswers:
    """The answers of one route."""

    def __init__(self, session: AsyncSession, route: str, status: int) -> None:
        self._session, self._route, self._status = session, route, status
        self._keys = IdempotencyKeys(session, idempotency_keys)

    async def answer(self, user_id: UserId, key: AttemptKey, now: datetime) -> dict[str, Any] | None:
        """Look, without locking: most keys are new. Raises IdempotencyKeyReused."""
        wanted = {"whose": str(user_id), "of_route": self._route, "of_key": key.value, "now": now}
        kept = await row(self._session, _ANSWERED, wanted)
        if kept is None:
            return None
        if kept.request_hash != key.digest:
            raise IdempotencyKeyReused
        body: dict[str, Any] = kept.response_body
        return body

    async def claim(self, user_id: UserId, key: AttemptKey, now: datetime) -> dict[str, Any] | None:
        """Take the key, or return what it was answered. Raises IdempotencyKeyReused, IdempotencyInProgress."""
        stored = await self._keys.claim(str(user_id), self._route, key.value, key.digest, now)
        return stored.body if stored else None

    async def keep(self, user_id: UserId, key: AttemptKey, body: dict[str, Any], resource_id: UUID) -> None:
        """Write the answer."""
        await self._keys.complete(str(user_id), self._route, key.value, self._status, body, resource_id)


class SqlAttempts:
    """Calls for generations that were accepted, by their routes."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def answer(self, user_id: UserId, route: str, key: AttemptKey, now: datetime) -> Acceptance | None:
        """Look."""
        kept = await self._answers(route).answer(user_id, key, now)
        return acceptance_of(kept) if kept else None

    async def claim(self, user_id: UserId, route: str, key: AttemptKey, now: datetime) -> Acceptance | None:
        """Take the key."""
        kept = await self._answers(route).claim(user_id, key, now)
        return acceptance_of(kept) if kept else None

    async def keep(self, user_id: UserId, route: str, key: AttemptKey, acceptance: Acceptance) -> None:
        """Write the answer."""
        first = acceptance.generations[0].id
        await self._answers(route).keep(user_id, key, acceptance_document(acceptance), first)

    def _answers(self, route: str) -> KeptAnswers:
        return KeptAnswers(self._session, route, _ACCEPTED)


class SqlCharacterAttempts:
    """Characters that were made."""

    def __init__(self, session: AsyncSession) -> None:
        self._answers = KeptAnswers(session, "POST /story/v1/characters", _CREATED)

    async def answer(self, user_id: UserId, key: AttemptKey, now: datetime) -> Character | None:
        """Look."""
        kept = await self._answers.answer(user_id, key, now)
        return _character_of(user_id, kept) if kept else None

    async def claim(self, user_id: UserId, key: AttemptKey, now: datetime) -> Character | None:
        """Take the key."""
        kept = await self._answers.claim(user_id, key, now)
        return _character_of(user_id, kept) if kept else None

    async def keep(self, user_id: UserId, key: AttemptKey, character: Character) -> None:
        """Write the answer."""
        document = {
            "id": str(character.id),
            "persona": asdict(character.persona),
            "visibility": character.visibility,
            "created_at": character.created_at.isoformat(),
        }
        await self._answers.keep(user_id, key, document, character.id)


def _character_of(user_id: UserId, kept: dict[str, Any]) -> Character:
    """Read a new character: one version, made by whoever asks again."""
    persona = Persona(**{**kept["persona"], "kind": Kind(kept["persona"]["kind"])})
    at = datetime.fromisoformat(kept["created_at"])
    return Character(CharacterId(UUID(kept["id"])), user_id, persona, Visibility(kept["visibility"]), at, at)
