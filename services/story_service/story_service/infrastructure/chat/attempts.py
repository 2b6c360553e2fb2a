"""What was made in chat under idempotency keys, in Postgres; messages and memories without their words."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.attempts import AttemptKey
from story_service.domain.chat.conversation import Conversation
from story_service.domain.chat.ids import ConversationId, MemoryId, MessageId
from story_service.domain.chat.memory import Memory, Note
from story_service.domain.chat.message import Author, Message, Place
from story_service.domain.ids import CharacterId, UserId
from story_service.infrastructure.attempts import KeptAnswers

Thing = TypeVar("Thing", bound=Conversation | Message | Memory)
_CREATED, _OK = 201, 200


class SqlKept(Generic[Thing]):
    """The answers of one route, written by `write` and read by `read`."""

    def __init__(
        self, answers: KeptAnswers, write: Callable[[Thing], dict[str, Any]], read: Callable[[dict[str, Any]], Thing]
    ) -> None:
        self._answers, self._write, self._read = answers, write, read

    async def answer(self, user_id: UserId, key: AttemptKey, now: datetime) -> Thing | None:
        """Look."""
        kept = await self._answers.answer(user_id, key, now)
        return self._read(kept) if kept else None

    async def claim(self, user_id: UserId, key: AttemptKey, now: datetime) -> Thing | None:
        """Take the key."""
        kept = await self._answers.claim(user_id, key, now)
        return self._read(kept) if kept else None

    async def keep(self, user_id: UserId, key: AttemptKey, thing: Thing) -> None:
        """Write the answer."""
        await self._answers.keep(user_id, key, self._write(thing), thing.id)


def conversations_kept(session: AsyncSession, route: str) -> SqlKept[Conversation]:
    """Return what was made by a route that makes conversations."""
    return SqlKept(KeptAnswers(session, route, _CREATED), _conversation_document, _conversation_of)


def messages_kept(session: AsyncSession, route: str) -> SqlKept[Message]:
    """Return what was made by a route that makes messages."""
    return SqlKept(KeptAnswers(session, route, _OK), message_document, message_of_document)


def memories_kept(session: AsyncSession, route: str) -> SqlKept[Memory]:
    """Return what was made by a route that makes memories."""
    return SqlKept(KeptAnswers(session, route, _CREATED), _memory_document, _memory_of)


def message_document(message: Message) -> dict[str, Any]:
    """Write a message of a reader as it was made, without its words."""
    place = message.place
    return {
        "id": str(message.id),
        "conversation_id": str(message.conversation_id),
        "seq": message.seq,
        "parent_id": str(place.parent_id) if place.parent_id else None,
        "depth": place.depth,
        "created_at": message.created_at.isoformat(),
    }


def message_of_document(kept: dict[str, Any]) -> Message:
    """Read one. Where it jumps to is told to nobody, so it is not kept."""
    message_id = MessageId(UUID(kept["id"]))
    parent_id = MessageId(UUID(kept["parent_id"])) if kept["parent_id"] else None
    return Message(
        message_id,
        ConversationId(UUID(kept["conversation_id"])),
        kept["seq"],
        Place(parent_id, kept["depth"], message_id, kept["depth"]),
        Author.USER,
        "",
        datetime.fromisoformat(kept["created_at"]),
    )


def _conversation_document(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": str(conversation.id),
        "user_id": str(conversation.user_id),
        "title": conversation.title,
        "character_ids": [str(character_id) for character_id in conversation.character_ids],
        "created_at": conversation.created_at.isoformat(),
        "case_id": str(conversation.case_id) if conversation.case_id else None,
        "temporary": conversation.temporary,
        "head_id": str(conversation.head_id) if conversation.head_id else None,
        "forked_from": str(conversation.forked_from) if conversation.forked_from else None,
        "message_count": conversation.message_count,
    }


def _conversation_of(kept: dict[str, Any]) -> Conversation:
    at = datetime.fromisoformat(kept["created_at"])
    return Conversation(
        ConversationId(UUID(kept["id"])),
        UserId(UUID(kept["user_id"])),
        tuple(CharacterId(UUID(character_id)) for character_id in kept["character_ids"]),
        kept["title"],
        at,
        at,
        case_id=UUID(kept["case_id"]) if kept["case_id"] else None,
        temporary=kept["temporary"],
        head_id=MessageId(UUID(kept["head_id"])) if kept["head_id"] else None,
        forked_from=ConversationId(UUID(kept["forked_from"])) if kept["forked_from"] else None,
        message_count=kept["message_count"],
    )


def _memory_document(memory: Memory) -> dict[str, Any]:
    return {
        "id": str(memory.id),
        "user_id": str(memory.user_id),
        "conversation_id": str(memory.conversation_id) if memory.conversation_id else None,
        "case_id": str(memory.case_id) if memory.case_id else None,
        "created_at": memory.created_at.isoformat(),
    }


def _memory_of(kept: dict[str, Any]) -> Memory:
    conversation_id = ConversationId(UUID(kept["conversation_id"])) if kept["conversation_id"] else None
    return Memory(
        MemoryId(UUID(kept["id"])),
        UserId(UUID(kept["user_id"])),
        conversation_id,
        Note(""),
        datetime.fromisoformat(kept["created_at"]),
        UUID(kept["case_id"]) if kept.get("case_id") else None,  # a deployment's older answers name none
    )
