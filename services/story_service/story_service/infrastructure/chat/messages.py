"""Trees of messages in Postgres. A branch is read upwards by the primary key, and no further than asked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Uuid, bindparam, delete, func, literal_column, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from common_service.statements import Compiled, insert_later, row, rows, update_later
from story_service.application.chat.ports import ShownMessage
from story_service.domain.chat.conversation import Conversation
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.chat.message import Author, Message, MessageState, Place, tokens_of
from story_service.domain.ids import CharacterId, GenerationId, UserId
from story_service.infrastructure.chat.tables import MessageRow, ReactionRow, SummaryRow

_MOST_SIBLINGS = 100
_MOST_RECENT = 2000  # of the shortest messages
# Every message of the branch gets an id first; parents and jumps are then the new ids of the old ones.
_COPY = text(
    """
    WITH RECURSIVE branch AS (
      SELECT m.* FROM story.messages m WHERE m.id = :upto
      UNION ALL
      SELECT m.* FROM branch b JOIN story.messages m ON m.id = b.parent_id),
    named AS MATERIALIZED (SELECT b.*, gen_random_uuid() AS new_id FROM branch b),
    copied AS (
      INSERT INTO story.messages (id, conversation_id, seq, parent_id, depth, jump_id, jump_depth, author, character_id,
                                  content, state, pinned, tokens, created_at)
      SELECT n.new_id, :into, n.depth + 1, p.new_id, n.depth, j.new_id, n.jump_depth, n.author, n.character_id,
             n.content, n.state, n.pinned, n.tokens, n.created_at
        FROM named n LEFT JOIN named p ON p.id = n.parent_id JOIN named j ON j.id = n.jump_id)
    INSERT INTO story.conversation_summaries (message_id, content, tokens, created_at)
    SELECT n.new_id, s.content, s.tokens, s.created_at
      FROM named n JOIN story.conversation_summaries s ON s.message_id = n.id
    """
)
# Every message of the climb carries what those below it take.
_RECENT = Compiled(
    text(
        """
        WITH RECURSIVE branch AS (
          SELECT m.*, m.tokens::bigint AS spent, 1 AS step FROM story.messages m WHERE m.id = :start
          UNION ALL
          SELECT m.*, b.spent + m.tokens + 4, b.step + 1 FROM branch b JOIN story.messages m ON m.id = b.parent_id
           WHERE b.spent < :tokens AND b.step < :most)
        SELECT * FROM branch ORDER BY step
        """
    )
)
_FIND = Compiled(select(MessageRow.__table__).where(MessageRow.__table__.c.id == bindparam("message")))
_STREAMING = Compiled(
    select(MessageRow.id)
    .where(MessageRow.conversation_id == bindparam("conversation"), MessageRow.state == literal_column("'streaming'"))
    .limit(literal_column("1"))
)
_SUMMARIES = Compiled(
    select(SummaryRow.message_id, SummaryRow.content).where(
        SummaryRow.message_id == func.any(bindparam("messages", type_=ARRAY(Uuid)))
    )
)
_PINNED = Compiled(
    text(
        """
        WITH RECURSIVE climb AS (
          SELECT p.id AS pin, p.depth AS height, h.id, h.parent_id, h.depth, h.jump_id, h.jump_depth
            FROM story.messages p, story.messages h
           WHERE p.conversation_id = :conversation AND p.pinned AND p.depth < :depth AND h.id = :start
          UNION ALL
          SELECT c.pin, c.height, m.id, m.parent_id, m.depth, m.jump_id, m.jump_depth
            FROM climb c JOIN story.messages m
              ON m.id = CASE WHEN c.jump_depth >= c.height THEN c.jump_id ELSE c.parent_id END
           WHERE c.depth > c.height)
        SELECT m.* FROM climb c JOIN story.messages m ON m.id = c.pin WHERE c.id = c.pin ORDER BY m.depth
        """
    )
)


class SqlMessages:
    """Messages as one transaction sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, message: Message) -> None:
        """Insert one."""
        insert_later(self._session, MessageRow, _values(message))

    async def find(self, message_id: MessageId) -> Message | None:
        """Read one."""
        found = await row(self._session, _FIND, {"message": message_id})
        return message_of(found) if found else None

    async def keep(self, message: Message) -> None:
        """Write it back."""
        update_later(self._session, MessageRow, {"id": message.id}, _values(message))

    async def branch(self, start: MessageId, *, most: int) -> Sequence[Message]:
        """Climb."""
        one = literal_column("1", Integer).label("step")
        climb = select(MessageRow.id, MessageRow.parent_id, one).where(MessageRow.id == start).cte(recursive=True)
        above = aliased(MessageRow)
        climb = climb.union_all(
            select(above.id, above.parent_id, climb.c.step + 1)
            .join(climb, above.id == climb.c.parent_id)
            .where(climb.c.step < bindparam("most", most))
        )
        query = select(MessageRow).join(climb, MessageRow.id == climb.c.id).order_by(climb.c.step)
        return [message_of(row) for row in await self._session.scalars(query)]

    async def recent(self, start: MessageId, *, tokens: int) -> Sequence[Message]:
        """Climb until it is enough."""
        found = await rows(self._session, _RECENT, {"start": start, "tokens": tokens, "most": _MOST_RECENT})
        return [message_of(one) for one in found]

    async def pinned_above(self, message: Message) -> Sequence[Message]:
        """Climb to the height of each pin by leaps, and see whether it is that one."""
        values = {"conversation": message.conversation_id, "start": message.id, "depth": message.place.depth}
        return [message_of(one) for one in await rows(self._session, _PINNED, values)]

    async def newest(self, conversation_id: ConversationId, *, before: int | None, most: int) -> Sequence[Message]:
        """Read by number."""
        query = select(MessageRow).where(MessageRow.conversation_id == conversation_id)
        if before is not None:
            query = query.where(MessageRow.seq < before)
        query = query.order_by(MessageRow.seq.desc()).limit(most)
        return [message_of(row) for row in await self._session.scalars(query)]

    async def shown(self, user_id: UserId, messages: Sequence[Message]) -> list[ShownMessage]:
        """Add what stands beside them, and what was thought of them."""
        if not messages:
            return []
        ids = [message.id for message in messages]
        query = select(ReactionRow.message_id, ReactionRow.value)
        query = query.where(ReactionRow.message_id.in_(ids), ReactionRow.user_id == user_id)
        reactions: dict[UUID, int] = {row.message_id: row.value for row in await self._session.execute(query)}
        beside = await self._siblings(messages)
        return [
            ShownMessage(
                message,
                tuple(beside[message.place.parent_id])[:_MOST_SIBLINGS],
                reactions.get(message.id, 0),
            )
            for message in messages
        ]

    async def copy_branch(self, message: Message, conversation: Conversation) -> MessageId:
        """Copy it by one statement; numbers and depths go with each other, as a branch has no forks."""
        await self._session.execute(_COPY, {"upto": message.id, "into": conversation.id})
        copied = select(MessageRow.id).where(
            MessageRow.conversation_id == conversation.id, MessageRow.seq == message.place.depth + 1
        )
        return MessageId((await self._session.scalars(copied)).one())

    async def pins_of(self, conversation_id: ConversationId) -> int:
        """Count by the index of pins."""
        query = select(func.count()).where(MessageRow.conversation_id == conversation_id, MessageRow.pinned)
        return await self._session.scalar(query) or 0

    async def is_answering(self, conversation_id: ConversationId) -> bool:
        """Look by the index of what streams."""
        return await row(self._session, _STREAMING, {"conversation": conversation_id}) is not None

    async def summaries(self, message_ids: Sequence[MessageId]) -> dict[MessageId, str]:
        """Read by the messages that they end at."""
        found = await rows(self._session, _SUMMARIES, {"messages": list(message_ids)})
        return {MessageId(one.message_id): one.content for one in found}

    async def begin_summary(self, message_id: MessageId, now: datetime) -> bool:
        """Insert an empty one."""
        empty = upsert(SummaryRow).values(message_id=message_id, content="", tokens=0, created_at=now)
        made = empty.on_conflict_do_nothing().returning(SummaryRow.message_id)
        return await self._session.scalar(made) is not None

    async def end_summary(self, message_id: MessageId, content: str) -> None:
        """Fill it, or remove it."""
        mine = SummaryRow.message_id == message_id
        if content:
            filled = update(SummaryRow).where(mine).values(content=content, tokens=tokens_of(content))
            await self._session.execute(filled)
        else:
            await self._session.execute(delete(SummaryRow).where(mine))

    async def react(
        self, user_id: UserId, message_id: MessageId, value: int, reason: str | None, now: datetime
    ) -> None:
        """Write, write over, or remove."""
        if value == 0:
            mine = ReactionRow.message_id == message_id, ReactionRow.user_id == user_id
            await self._session.execute(delete(ReactionRow).where(*mine))
            return
        said = {"value": value, "reason": reason, "created_at": now}
        await self._session.execute(
            upsert(ReactionRow)
            .values(message_id=message_id, user_id=user_id, **said)
            .on_conflict_do_update(index_elements=["message_id", "user_id"], set_=said)
        )

    async def _siblings(self, messages: Sequence[Message]) -> dict[MessageId | None, list[MessageId]]:
        parents = {message.place.parent_id for message in messages}
        places = [MessageRow.parent_id.in_([parent for parent in parents if parent])]
        if None in parents:
            places.append(MessageRow.parent_id.is_(None))
        query = select(MessageRow.id, MessageRow.parent_id).where(
            MessageRow.conversation_id == messages[0].conversation_id,
            or_(*places),
            MessageRow.state != MessageState.DELETED,
        )
        beside: dict[MessageId | None, list[MessageId]] = {parent: [] for parent in parents}
        for one in await self._session.execute(query.order_by(MessageRow.seq)):
            beside[MessageId(one.parent_id) if one.parent_id else None].append(MessageId(one.id))
        return beside


def _values(message: Message) -> dict[str, Any]:
    place = message.place
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "seq": message.seq,
        "parent_id": place.parent_id,
        "depth": place.depth,
        "jump_id": place.jump_id,
        "jump_depth": place.jump_depth,
        "author": message.author,
        "character_id": message.character_id,
        "content": message.content,
        "state": message.state,
        "generation_id": message.generation_id,
        "pinned": message.pinned,
        "tokens": message.tokens,
        "suggestions": list(message.suggestions),
        "created_at": message.created_at,
    }


def message_of(row: MessageRow) -> Message:
    """Read a message."""
    return Message(
        MessageId(row.id),
        ConversationId(row.conversation_id),
        row.seq,
        Place(
            MessageId(row.parent_id) if row.parent_id else None,
            row.depth,
            MessageId(row.jump_id),
            row.jump_depth,
        ),
        Author(row.author),
        row.content,
        row.created_at,
        character_id=CharacterId(row.character_id) if row.character_id else None,
        state=MessageState(row.state),
        generation_id=GenerationId(row.generation_id) if row.generation_id else None,
        pinned=row.pinned,
        suggestions=tuple(row.suggestions),
    )
