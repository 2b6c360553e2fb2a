"""Memories over the wire."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StrictBool, StrictInt, StringConstraints, model_validator

from story_service.api.schemas import Wire
from story_service.domain.chat.memory import Memory, Note

Content = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
Key = Annotated[
    str,
    StringConstraints(
        strict=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\s](?:[^\x00-\x1f]*[^\x00-\x1f\s])?$"
    ),
]
Keys = Annotated[list[Key], Field(max_length=10, description="Words that bring it up; without any it always comes up.")]
Priority = Annotated[StrictInt, Field(ge=0, le=1000, description="Of several, the lower comes first.")]
ScopeName = Literal["user", "conversation", "case"]


class MemoryIn(Wire):
    """What is to be remembered: everywhere, in one conversation, or in all that are about one case."""

    content: Content
    trigger_keys: Keys = Field(default_factory=list)
    conversation_id: UUID | None = Field(default=None, description="Only in this conversation.")
    case_id: UUID | None = Field(default=None, description="Only in conversations about this case.")
    pinned: StrictBool = False
    enabled: StrictBool = True
    priority: Priority = 100

    @model_validator(mode="after")
    def hold_somewhere(self) -> Self:
        """Refuse a memory of a conversation and of a case."""
        if self.conversation_id and self.case_id:
            raise ValueError("either conversation_id or case_id")
        return self

    def note(self) -> Note:
        """Return it in the domain's words."""
        return Note(self.content, tuple(self.trigger_keys), self.pinned, self.enabled, self.priority)


class MemoryPatch(Wire):
    """What is to change; what is absent or null stays."""

    content: Content | None = None
    trigger_keys: Keys | None = None
    pinned: StrictBool | None = None
    enabled: StrictBool | None = None
    priority: Priority | None = None

    def apply(self, note: Note) -> Note:
        """Return the note as it is wanted."""
        changes: dict[str, Any] = self.model_dump(exclude_none=True)
        if "trigger_keys" in changes:
            changes["trigger_keys"] = tuple(changes["trigger_keys"])
        return replace(note, **changes)


class MemoryOut(Wire):
    """A memory."""

    id: UUID
    scope: ScopeName
    conversation_id: UUID | None
    case_id: UUID | None
    content: str
    trigger_keys: list[str]
    pinned: bool
    enabled: bool
    priority: int
    created_at: datetime

    @classmethod
    def of(cls, memory: Memory) -> Self:
        """Show a memory."""
        note = memory.note
        return cls(
            id=memory.id,
            scope=memory.scope.value,
            conversation_id=memory.conversation_id,
            case_id=memory.case_id,
            content=note.content,
            trigger_keys=list(note.trigger_keys),
            pinned=note.pinned,
            enabled=note.enabled,
            priority=note.priority,
            created_at=memory.created_at,
        )
