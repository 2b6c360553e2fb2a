"""Names of things in chat."""

from typing import NewType
from uuid import UUID

ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
MemoryId = NewType("MemoryId", UUID)
