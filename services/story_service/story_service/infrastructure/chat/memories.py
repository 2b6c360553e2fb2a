"""Memories in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Uuid, bindparam, delete, func, insert, literal_column, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from common_service.statements import Compiled, rows
from story_service.domain.chat.conversation import Conversation
from story_service.domain.chat.ids import ConversationId, MemoryId
from story_service.domain.chat.memory import Memory, Note, Scope
from story_service.domain.ids import UserId
from story_service.infrastructure.chat.tables import MemoryRow

_MOST_CANDIDATES = 200
_HEARD = text(
    "EXISTS (SELECT 1 FROM unnest(story.memories.trigger_keys) AS k(key)"
    " WHERE strpos(CAST(:spoken AS text), lower(k.key)) > 0)"
)
_KEPT = MemoryRow.__table__.c
_CANDIDATES = Compiled(
    select(MemoryRow.__table__)
    .where(
        _KEPT.user_id == bindparam("reader"),
        _KEPT.enabled,
        (_KEPT.conversation_id == bindparam("conversation"))
        | (
            _KEPT.conversation_id.is_(None)
            & (_KEPT.case_id.is_(None) | (_KEPT.case_id == bindparam("case", type_=Uuid)))
            & ~bindparam("temporary", type_=Boolean)
        ),
        _KEPT.pinned | (func.cardinality(_KEPT.trigger_keys) == 0) | _HEARD,
    )
    .order_by(_KEPT.pinned.desc(), _KEPT.priority, _KEPT.id)
    .limit(literal_column(str(_MOST_CANDIDATES)))
)


class SqlMemories:
    """Memories as one transaction sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, memory: Memory) -> None:
        """Insert one."""
        await self._session.execute(insert(MemoryRow).values(**_values(memory)))

    async def find(self, memory_id: MemoryId, *, lock: bool = False) -> Memory | None:
        """Read one."""
        query = select(MemoryRow).where(MemoryRow.id == memory_id)
        row = await self._session.scalar(query.with_for_update() if lock else query)
        return _memory_of(row) if row else None

    async def of(
        self,
        user_id: UserId,
        scope: Scope | None,
        scope_id: UUID | None,
        *,
        before: tuple[datetime, UUID] | None,
        most: int,
    ) -> Sequence[Memory]:
        """Read a page by the reader's index."""
        query = select(MemoryRow).where(MemoryRow.user_id == user_id)
        if scope:
            query = query.where(MemoryRow.scope == scope)
        if scope_id:
            query = query.where(or_(MemoryRow.conversation_id == scope_id, MemoryRow.case_id == scope_id))
        if before:
            query = query.where(tuple_(MemoryRow.created_at, MemoryRow.id) < tuple_(*before))
        query = query.order_by(MemoryRow.created_at.desc(), MemoryRow.id.desc()).limit(most)
        return [_memory_of(row) for row in await self._session.scalars(query)]

    async def candidates(self, conversation: Conversation, spoken: str) -> Sequence[Memory]:
        """Read what has no keys, or a key that is spoken of anywhere: a wider net than the words of the domain."""
        values = {"reader": conversation.user_id, "conversation": conversation.id, "temporary": conversation.temporary}
        words = {"case": conversation.case_id, "spoken": f"{spoken.casefold()}\n{spoken.lower()}"}
        return [_memory_of(one) for one in await rows(self._session, _CANDIDATES, values | words)]

    async def number_of(self, user_id: UserId) -> int:
        """Count by the reader's index."""
        return await self._session.scalar(select(func.count()).where(MemoryRow.user_id == user_id)) or 0

    async def keep(self, memory: Memory) -> None:
        """Write it back."""
        await self._session.execute(update(MemoryRow).where(MemoryRow.id == memory.id).values(**_values(memory)))

    async def delete(self, memory_id: MemoryId) -> None:
        """Remove it."""
        await self._session.execute(delete(MemoryRow).where(MemoryRow.id == memory_id))


def _values(memory: Memory) -> dict[str, Any]:
    note = memory.note
    return {
        "id": memory.id,
        "user_id": memory.user_id,
        "scope": memory.scope,
        "conversation_id": memory.conversation_id,
        "case_id": memory.case_id,
        "trigger_keys": list(note.trigger_keys),
        "content": note.content,
        "pinned": note.pinned,
        "enabled": note.enabled,
        "priority": note.priority,
        "created_at": memory.created_at,
    }


def _memory_of(row: MemoryRow) -> Memory:
    return Memory(
        MemoryId(row.id),
        UserId(row.user_id),
        ConversationId(row.conversation_id) if row.conversation_id else None,
        Note(row.content, tuple(row.trigger_keys), row.pinned, row.enabled, row.priority),
        row.created_at,
        row.case_id,
    )
