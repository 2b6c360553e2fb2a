"""From what is kept of a conversation to the scene that a model is told: read once, then a pure function."""

from collections.abc import Sequence
from dataclasses import dataclass

from story_service.application.chat.ports import ChatWork
from story_service.domain.access import Access
from story_service.domain.cases.brief import brief
from story_service.domain.cases.case_file import CaseFile
from story_service.domain.character import Character
from story_service.domain.chat.context import Line, Recollection, Scene
from story_service.domain.chat.conversation import Conversation
from story_service.domain.chat.errors import NothingToAnswer
from story_service.domain.chat.memory import Memory, triggered
from story_service.domain.chat.message import Author, Message
from story_service.domain.chat.summary import Beginning, outgrown
from story_service.domain.ids import CharacterId

MOST_CONTEXT = 64_000
MOST_OUTPUT = 800  # tokens of a reply and what it suggests
_HEARD = 4  # messages whose words bring memories up
_GONE = "Somebody"


@dataclass(frozen=True, slots=True)
class Material:
    """What is known of a conversation at a message. `heard` is the branch behind the last summary, in order."""

    conversation: Conversation
    cast: Sequence[Character]
    heard: tuple[Message, ...]
    pins: tuple[Message, ...]
    summary: str
    is_summing: bool
    memories: tuple[Memory, ...]
    facts: str

    @property
    def lately(self) -> list[CharacterId]:
        """Who spoke last, the latest first."""
        return [message.character_id for message in reversed(self.heard) if message.character_id]


def budget_of(access: Access) -> int:
    """Return what a plan leaves of its context for the prompt."""
    return max(0, min(access.context_tokens, MOST_CONTEXT) - MOST_OUTPUT)


async def gather(work: ChatWork, conversation: Conversation, at: Message | None, said: str, budget: int) -> Material:
    """Read what is known at `at`, where `said` will be said next. It costs what fits into a context, no more."""
    walked = await work.messages.recent(at.id, tokens=budget) if at else []
    summaries = await work.messages.summaries([message.id for message in walked]) if walked else {}
    last = next((number for number, message in enumerate(walked) if summaries.get(message.id)), len(walked))
    heard = tuple(reversed(walked[:last]))
    pins = await work.messages.pinned_above(at) if at else []
    known = {message.id for message in heard}
    spoken = "\n".join([*(message.content for message in heard), *([said] if said else [])][-_HEARD:])
    candidates = await work.memories.candidates(conversation, spoken)
    return Material(
        conversation,
        await work.conversations.cast(conversation),
        heard,
        tuple(pin for pin in pins if pin.id not in known),
        summaries[walked[last].id] if last < len(walked) else "",
        any(message.id in summaries for message in heard),
        tuple(triggered(candidates, spoken)),
        await _facts(work, conversation),
    )


def scene(material: Material, speaker: Character, said: Line | None = None) -> Scene:
    """Return what is told to the model that plays `speaker`. Raises NothingToAnswer."""
    lines = [*_lines(material, (*material.pins, *material.heard), speaker.id), *([said] if said else [])]
    if not lines:
        raise NothingToAnswer
    return Scene(
        speaker.persona,
        tuple(other.persona for other in material.cast if other.id != speaker.id),
        tuple(lines),
        material.facts,
        material.summary,
        tuple(Recollection(memory.id, memory.note.content) for memory in material.memories),
    )


def beginning(material: Material, budget: int) -> tuple[Line, Beginning] | None:
    """Return up to where the branch should be made short, and what that is; None while it fits or is being done."""
    lines = _lines(material, material.heard, None)
    upto = None if material.is_summing else outgrown(lines, budget)
    if upto is None:
        return None
    return upto, Beginning(tuple(lines[: lines.index(upto) + 1]), material.summary)


def everything(material: Material) -> Beginning:
    """Return all of it, to be made short."""
    return Beginning(tuple(_lines(material, material.heard, None)), material.summary)


def _lines(material: Material, messages: Sequence[Message], speaker_id: CharacterId | None) -> list[Line]:
    names = {character.id: character.persona.name for character in material.cast}
    return [
        Line(
            message.id,
            message.content,
            None if message.character_id is None else names.get(message.character_id, _GONE),
            is_own=message.author is Author.CHARACTER and message.character_id == speaker_id,
            pinned=message.pinned,
        )
        for message in messages
        if message.is_readable
    ]


async def file_of(work: ChatWork, conversation: Conversation) -> CaseFile | None:
    """Return the case that a conversation is about, as far as its reader may see it."""
    file = await work.cases.find(conversation.case_id) if conversation.case_id else None
    return file if file and file.head.is_visible_to(conversation.user_id) else None


async def _facts(work: ChatWork, conversation: Conversation) -> str:
    file = await file_of(work, conversation)
    return brief(file) if file else ""
