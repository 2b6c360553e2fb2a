"""What the use cases of chat need from outside, beside what the others need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from story_service.application.attempts import AttemptKey
from story_service.application.cases.ports import CaseFiles
from story_service.application.ports import Work
from story_service.domain.character import Character
from story_service.domain.chat.conversation import Conversation
from story_service.domain.chat.ids import ConversationId, MemoryId, MessageId
from story_service.domain.chat.memory import Memory, Scope
from story_service.domain.chat.message import Message
from story_service.domain.ids import CharacterId, UserId

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which of a reader's conversations are wanted."""

    archived: bool = False
    words: str | None = None


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message as its reader sees it: with the other messages in its place, itself among them, and the reaction.

    `uncited_claims` counts what a reply says about its conversation's case that no source says.
    """

    message: Message
    siblings: tuple[MessageId, ...]
    reaction: int = 0
    uncited_claims: int | None = None


class Kept(Protocol[Thing]):
    """What was made under the idempotency keys of one route, as it was answered.

    The words of messages and memories are not kept twice: who asks again has said them again, and the use case puts
    them back.
    """

    async def answer(self, user_id: UserId, key: AttemptKey, now: datetime) -> Thing | None:
        """Look without taking the key. Raises IdempotencyKeyReused."""
        ...

    async def claim(self, user_id: UserId, key: AttemptKey, now: datetime) -> Thing | None:
        """Take the key, or wait for whoever has it and return the answer. Raises as `answer` does."""
        ...

    async def keep(self, user_id: UserId, key: AttemptKey, thing: Thing) -> None:
        """Keep the answer under a key that this work took."""
        ...


class Conversations(Protocol):
    """Conversations that are not deleted."""

    async def add(self, conversation: Conversation) -> None: ...

    async def find(self, conversation_id: ConversationId, *, lock: bool = False) -> Conversation | None: ...

    async def of(
        self, user_id: UserId, wanted: ConversationFilter, *, before: tuple[datetime, UUID] | None, most: int
    ) -> Sequence[Conversation]:
        """Return those that are not temporary, the last used first."""
        ...

    async def keep(self, conversation: Conversation) -> None:
        """Write one back."""
        ...

    async def guests(self, user_id: UserId, character_ids: Sequence[CharacterId]) -> Sequence[Character]:
        """Return those of these characters that a reader may meet, in this order."""
        ...

    async def cast(self, conversation: Conversation) -> Sequence[Character]:
        """Return who sits there and is still to be met by its reader, in the order of the seats."""
        ...

    async def delete(self, conversation_id: ConversationId, now: datetime) -> None:
        """Hide one."""
        ...

    async def hide_temporary(self, idle_since: datetime, now: datetime, most: int) -> int:
        """Hide temporary ones that nobody has used for a while; return how many."""
        ...

    async def purge_deleted(self, deleted_before: datetime, most: int) -> int:
        """Remove hidden ones for good, with every message; return how many."""
        ...


class Messages(Protocol):
    """The trees of messages."""

    async def add(self, message: Message) -> None: ...

    async def find(self, message_id: MessageId) -> Message | None: ...

    async def keep(self, message: Message) -> None:
        """Write one back."""
        ...

    async def branch(self, start: MessageId, *, most: int) -> Sequence[Message]:
        """Return a message and its ancestors upwards, so many at the most: it costs what it returns."""
        ...

    async def recent(self, start: MessageId, *, tokens: int) -> Sequence[Message]:
        """Return a message and its ancestors upwards until they fill so many tokens: it costs what it returns."""
        ...

    async def pinned_above(self, message: Message) -> Sequence[Message]:
        """Return the pinned ancestors of a message, in order, found by leaps."""
        ...

    async def summaries(self, message_ids: Sequence[MessageId]) -> dict[MessageId, str]:
        """Return what was made short up to each of these; nothing where that is still being written."""
        ...

    async def begin_summary(self, message_id: MessageId, now: datetime) -> bool:
        """Note that everything up to a message is being made short; False where that is so already."""
        ...

    async def end_summary(self, message_id: MessageId, content: str) -> None:
        """Keep what was made short; nothing takes the note away."""
        ...

    async def newest(self, conversation_id: ConversationId, *, before: int | None, most: int) -> Sequence[Message]:
        """Return messages of all branches, the newest first, from behind the number `before`."""
        ...

    async def shown(self, user_id: UserId, messages: Sequence[Message]) -> list[ShownMessage]:
        """Return them as a reader sees them."""
        ...

    async def copy_branch(self, message: Message, conversation: Conversation) -> MessageId:
        """Copy the branch that ends at a message into another conversation; return the copy of that message."""
        ...

    async def pins_of(self, conversation_id: ConversationId) -> int:
        """Count what is pinned."""
        ...

    async def is_answering(self, conversation_id: ConversationId) -> bool:
        """Tell whether a reply is being written."""
        ...

    async def react(
        self, user_id: UserId, message_id: MessageId, value: int, reason: str | None, now: datetime
    ) -> None:
        """Note what a reader thinks of one; 0 is nothing."""
        ...


class Memories(Protocol):
    """What readers want remembered."""

    async def add(self, memory: Memory) -> None: ...

    async def find(self, memory_id: MemoryId, *, lock: bool = False) -> Memory | None: ...

    async def of(
        self,
        user_id: UserId,
        scope: Scope | None,
        scope_id: UUID | None,
        *,
        before: tuple[datetime, UUID] | None,
        most: int,
    ) -> Sequence[Memory]:
        """Return the newest first; with `scope_id` those of that conversation or case."""
        ...

    async def candidates(self, conversation: Conversation, spoken: str) -> Sequence[Memory]:
        """Return those that may come up when this is spoken of; a temporary conversation knows its own only."""
        ...

    async def number_of(self, user_id: UserId) -> int:
        """Count somebody's own."""
        ...

    async def keep(self, memory: Memory) -> None:
        """Write one back."""
        ...

    async def delete(self, memory_id: MemoryId) -> None: ...


class ChatWork(Work, Protocol):
    """A transaction that reaches chat too."""

    conversations: Conversations
    messages: Messages
    memories: Memories
    cases: CaseFiles
    opened: Kept[Conversation]
    forked: Kept[Conversation]
    edited: Kept[Message]
    remembered: Kept[Memory]


StartChatWork = Callable[[], ChatWork]
