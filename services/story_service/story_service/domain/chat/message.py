"""A message in its place in the tree. A tree only grows: an edit or another reply is a new branch."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.ids import CharacterId, GenerationId

MOST_PINS = 20
MOST_SUGGESTIONS = 3
_BYTES_A_TOKEN = 4


class Author(StrEnum):
    """Who wrote it."""

    USER = "user"
    CHARACTER = "character"


class MessageState(StrEnum):
    """Where its text stands."""

    STREAMING = "streaming"
    COMPLETE = "complete"
    PARTIAL = "partial"
    BLOCKED = "blocked"
    FAILED = "failed"
    DELETED = "deleted"


READABLE = frozenset({MessageState.COMPLETE, MessageState.PARTIAL})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands: below its parent, `depth` steps from the root, with a `jump` to a far ancestor.

    The jumps are those of a skew-binary list: any ancestor is reached in O(log depth) steps, and adding one costs O(1),
    so that nobody has to walk a branch of 10,000 messages to learn whether a pinned one lies on it. A root jumps to
    itself.
    """

    parent_id: MessageId | None
    depth: int
    jump_id: MessageId
    jump_depth: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `tokens` is what its text takes of a context, about."""

    id: MessageId
    conversation_id: ConversationId
    seq: int
    place: Place
    author: Author
    content: str
    created_at: datetime
    character_id: CharacterId | None = None
    state: MessageState = MessageState.COMPLETE
    generation_id: GenerationId | None = None
    pinned: bool = False
    suggestions: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """What the text takes of a context, about."""
        return tokens_of(self.content)

    @property
    def is_readable(self) -> bool:
        """Whether there is a text that a reader, or a model, may see."""
        return self.state in READABLE and bool(self.content)

    def deleted(self) -> "Message":
        """Return its place without its words: what hangs below keeps its parent."""
        return replace(self, content="", suggestions=(), pinned=False, state=MessageState.DELETED)


def root(message_id: MessageId) -> Place:
    """Return the place of a first message."""
    return Place(None, 0, message_id, 0)


def below(parent: Message, over: Place) -> Place:
    """Return the place of a reply to `parent`; `over` is the place of the message that the parent jumps to."""
    at = parent.place
    if at.depth - at.jump_depth == at.jump_depth - over.jump_depth:
        return Place(parent.id, at.depth + 1, over.jump_id, over.jump_depth)
    return Place(parent.id, at.depth + 1, parent.id, at.depth)


def step_towards(place: Place, depth: int) -> MessageId | None:
    """Return the next message on the way up to the ancestor at `depth`."""
    return place.jump_id if place.jump_depth >= depth else place.parent_id


def tokens_of(text: str) -> int:
    """Estimate the tokens of a text."""
    return -(-len(text.encode()) // _BYTES_A_TOKEN)
