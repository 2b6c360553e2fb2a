"""Conversations in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from common_service.statements import Compiled, row, rows, update_later
from story_service.application.chat.ports import ConversationFilter
from story_service.domain.character import Character
from story_service.domain.chat.conversation import Conversation
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.ids import CharacterId, UserId
from story_service.infrastructure.character_tables import CharacterRow
from story_service.infrastructure.characters import character_of
from story_service.infrastructure.chat.tables import ConversationRow, SeatRow

_SEATED = (
    select(func.array_agg(aggregate_order_by(SeatRow.character_id, SeatRow.seat)))
    .where(SeatRow.conversation_id == ConversationRow.id)
    .scalar_subquery()
)
_FIND = Compiled(
    select(ConversationRow.__table__, _SEATED.label("seated")).where(
        ConversationRow.id == bindparam("conversation"), ConversationRow.deleted_at.is_(None)
    )
)
_FIND_LOCKED = Compiled(
    select(ConversationRow.__table__, _SEATED.label("seated"))
    .where(ConversationRow.id == bindparam("conversation"), ConversationRow.deleted_at.is_(None))
    .with_for_update(of=ConversationRow.__table__)
)
_CAST = Compiled(
    select(CharacterRow.__table__)
    .join(SeatRow.__table__, SeatRow.character_id == CharacterRow.id)
    .where(SeatRow.conversation_id == bindparam("conversation"), CharacterRow.deleted_at.is_(None))
    .order_by(SeatRow.seat)
)


class SqlConversations:
    """Conversations as one transaction sees them; deleted ones are not seen."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._seated: dict[ConversationId, tuple[CharacterId, ...]] = {}  # as this work has read them

    async def add(self, conversation: Conversation) -> None:
        """Insert one with its seats."""
        await self._session.execute(insert(ConversationRow).values(**_values(conversation)))
        await self._session.execute(insert(SeatRow), _seats(conversation))

    async def find(self, conversation_id: ConversationId, *, lock: bool = False) -> Conversation | None:
        """Read one; `lock` holds its row to the end of the transaction."""
        found = await row(self._session, _FIND_LOCKED if lock else _FIND, {"conversation": conversation_id})
        if found is None:
            return None
        conversation = _conversation_of(found, found.seated)
        self._seated[conversation.id] = conversation.character_ids
        return conversation

    async def of(
        self, user_id: UserId, wanted: ConversationFilter, *, before: tuple[datetime, UUID] | None, most: int
    ) -> Sequence[Conversation]:
        """Read a page by the reader's index."""
        query = select(ConversationRow, _SEATED).where(
            ConversationRow.user_id == user_id,
            ConversationRow.deleted_at.is_(None),
            ~ConversationRow.temporary,
            ConversationRow.archived_at.is_not(None) if wanted.archived else ConversationRow.archived_at.is_(None),
        )
        if wanted.words:
            query = query.where(ConversationRow.title.icontains(wanted.words, autoescape=True))
        if before:
            query = query.where(tuple_(ConversationRow.active_at, ConversationRow.id) < tuple_(*before))
        query = query.order_by(ConversationRow.active_at.desc(), ConversationRow.id.desc()).limit(most)
        return [_conversation_of(row, seated) for row, seated in await self._session.execute(query)]

    async def keep(self, conversation: Conversation) -> None:
        """Write it back; the seats only where they have changed."""
        update_later(self._session, ConversationRow, {"id": conversation.id}, _values(conversation))
        if self._seated.get(conversation.id) == conversation.character_ids:
            return
        mine = SeatRow.conversation_id == conversation.id
        seated = await self._session.scalars(select(SeatRow.character_id).where(mine).order_by(SeatRow.seat))
        if tuple(seated) != conversation.character_ids:
            await self._session.execute(delete(SeatRow).where(mine))
            await self._session.execute(insert(SeatRow), _seats(conversation))

    async def guests(self, user_id: UserId, character_ids: Sequence[CharacterId]) -> Sequence[Character]:
        """Read them by their ids."""
        query = select(CharacterRow).where(CharacterRow.id.in_(character_ids), CharacterRow.deleted_at.is_(None))
        met = {row.id: character_of(row) for row in await self._session.scalars(query)}
        found = [met[character_id] for character_id in character_ids if character_id in met]
        return [character for character in found if character.is_visible_to(user_id)]

    async def cast(self, conversation: Conversation) -> Sequence[Character]:
        """Read who is still to be met."""
        seated = [character_of(one) for one in await rows(self._session, _CAST, {"conversation": conversation.id})]
        return [character for character in seated if character.is_visible_to(conversation.user_id)]

    async def delete(self, conversation_id: ConversationId, now: datetime) -> None:
        """Hide it."""
        hidden = update(ConversationRow).where(ConversationRow.id == conversation_id).values(deleted_at=now)
        await self._session.execute(hidden)

    async def hide_temporary(self, idle_since: datetime, now: datetime, most: int) -> int:
        """Hide a batch, found by its index."""
        idle = (
            select(ConversationRow.id)
            .where(
                ConversationRow.temporary, ConversationRow.deleted_at.is_(None), ConversationRow.active_at < idle_since
            )
            .order_by(ConversationRow.active_at)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        hidden = update(ConversationRow).where(ConversationRow.id.in_(idle)).values(deleted_at=now)
        return len((await self._session.scalars(hidden.returning(ConversationRow.id))).all())

    async def purge_deleted(self, deleted_before: datetime, most: int) -> int:
        """Remove a batch; messages, reactions, summaries and memories go with it."""
        old = (
            select(ConversationRow.id)
            .where(ConversationRow.deleted_at < deleted_before)
            .order_by(ConversationRow.deleted_at)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        gone = delete(ConversationRow).where(ConversationRow.id.in_(old)).returning(ConversationRow.id)
        return len((await self._session.scalars(gone)).all())


def _values(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "user_id": conversation.user_id,
        "title": conversation.title,
        "case_id": conversation.case_id,
        "temporary": conversation.temporary,
        "head_message_id": conversation.head_id,
        "forked_from": conversation.forked_from,
        "message_count": conversation.message_count,
        "archived_at": conversation.archived_at,
        "active_at": conversation.active_at,
        "version": conversation.version,
        "created_at": conversation.created_at,
    }


def _seats(conversation: Conversation) -> list[dict[str, Any]]:
    return [
        {"conversation_id": conversation.id, "character_id": character_id, "seat": seat}
        for seat, character_id in enumerate(conversation.character_ids, 1)
    ]


def _conversation_of(row: ConversationRow, seated: Sequence[UUID]) -> Conversation:
    return Conversation(
        ConversationId(row.id),
        UserId(row.user_id),
        tuple(CharacterId(character_id) for character_id in seated),
        row.title,
        row.created_at,
        row.active_at,
        case_id=row.case_id,
        temporary=row.temporary,
        head_id=MessageId(row.head_message_id) if row.head_message_id else None,
        forked_from=ConversationId(row.forked_from) if row.forked_from else None,
        message_count=row.message_count,
        archived_at=row.archived_at,
        version=row.version,
    )
