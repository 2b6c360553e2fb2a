"""Steps that several use cases of chat take within one work."""

from dataclasses import replace
from datetime import datetime

from story_service.application.chat.ports import ChatWork
from story_service.application.draw_units import draw, posting
from story_service.domain import ledger
from story_service.domain.access import Access
from story_service.domain.chat.conversation import CHATS, Conversation
from story_service.domain.chat.errors import ConversationUnknown, GenerationRunning, MessageUnknown
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.chat.message import Message, Place, below, root
from story_service.domain.ids import ReservationId, UserId
from story_service.domain.usage import Line, window_of


async def owned(
    work: ChatWork, user_id: UserId, conversation_id: ConversationId, *, lock: bool = False
) -> Conversation:
    """Return a reader's conversation, locked if nobody else may add to it meanwhile. Raises ConversationUnknown."""
    conversation = await work.conversations.find(conversation_id, lock=lock)
    if conversation is None or conversation.user_id != user_id:
        raise ConversationUnknown
    return conversation


async def owned_message(
    work: ChatWork, user_id: UserId, message_id: MessageId, *, lock: bool = False
) -> tuple[Conversation, Message]:
    """Return a message of a reader's conversation, and that one, locked if it is to be. Raises MessageUnknown."""
    message = await work.messages.find(message_id)
    conversation = await work.conversations.find(message.conversation_id, lock=lock) if message else None
    if message is None or conversation is None or conversation.user_id != user_id:
        raise MessageUnknown
    locked = await work.messages.find(message_id) if lock else message
    assert locked is not None, "messages go with their conversation only"
    return conversation, locked


async def demand_quiet(work: ChatWork, conversation: Conversation) -> None:
    """Raise GenerationRunning while somebody answers."""
    if await work.messages.is_answering(conversation.id):
        raise GenerationRunning


async def place_under(work: ChatWork, parent: Message | None, message_id: MessageId) -> Place:
    """Return the place of a new message below `parent`, or of a new root."""
    if parent is None:
        return root(message_id)
    over = parent if parent.place.jump_id == parent.id else await work.messages.find(parent.place.jump_id)
    assert over is not None, "messages go with their conversation only"
    return below(parent, over.place)


async def count_chat(
    work: ChatWork, user_id: UserId, access: Access, reservation_id: ReservationId, now: datetime
) -> None:
    """Charge one conversation: taken and settled at once, as nothing is left to be seen. Raises QuotaExceeded."""
    head = await work.usage.lock(user_id)
    need = Line(CHATS, window_of(access.limit(CHATS).window, access, now), 1, settled=1)
    drawn = await draw(work.usage, user_id, need, access, now)
    postings = drawn.postings()
    for line, _ in drawn.lines:
        kept = await work.usage.settle(user_id, reservation_id, replace(line, settled=line.reserved))
        postings.append(posting(line, ledger.SETTLE, line.reserved, kept))
    entries, head = ledger.extend(head, user_id, reservation_id, postings, now)
    await work.usage.post(user_id, entries, head)
