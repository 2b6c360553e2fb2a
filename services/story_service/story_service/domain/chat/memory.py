"""What a reader wants remembered: always, or when one of its keys is spoken of."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from story_service.domain.chat.errors import MemoryLimitReached
from story_service.domain.chat.ids import ConversationId, MemoryId
from story_service.domain.errors import SubscriptionRequired
from story_service.domain.ids import UserId

MEMORIES = "memories.own"


class Scope(StrEnum):
    """Where a memory holds."""

    USER = "user"
    CONVERSATION = "conversation"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be remembered. Without keys it always comes up; of several, the lower `priority` comes first."""

    content: str
    trigger_keys: tuple[str, ...] = ()
    pinned: bool = False
    enabled: bool = True
    priority: int = 100


@dataclass(frozen=True, slots=True)
class Memory:
    """A note of a reader: of one conversation, or of all that are about one case, where an id says so."""

    id: MemoryId
    user_id: UserId
    conversation_id: ConversationId | None
    note: Note
    created_at: datetime
    case_id: UUID | None = None

    @property
    def scope(self) -> Scope:
        """Where it holds."""
        if self.case_id:
            return Scope.CASE
        return Scope.USER if self.conversation_id is None else Scope.CONVERSATION


def triggered(memories: Iterable[Memory], spoken: str) -> list[Memory]:
    """Return those that come up when this is spoken of, the most important first."""
    found = [memory for memory in memories if memory.note.enabled and _comes_up(memory.note, spoken.casefold())]
    return sorted(found, key=lambda memory: (not memory.note.pinned, memory.note.priority, memory.id))


def demand_room(limit: int | None, used: int, plans: tuple[str, ...]) -> None:
    """Raise SubscriptionRequired where the plan has no memories, MemoryLimitReached where they are all there."""
    if limit == 0:
        raise SubscriptionRequired(plans)
    if limit is not None and used >= limit:
        raise MemoryLimitReached(limit, used, plans)


def _comes_up(note: Note, spoken: str) -> bool:
    if note.pinned or not note.trigger_keys:
        return True
    return any(_is_word(key.casefold(), spoken) for key in note.trigger_keys)


def _is_word(key: str, spoken: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(key)}(?!\w)", spoken) is not None
