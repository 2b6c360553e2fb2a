"""Chat, wired: its use cases over ports, and its routes."""

from collections.abc import Sequence

from fastapi import APIRouter

from common_auth.callers import Callers
from common_service.clock import Clock, utc_now
from common_service.ids import uuid7
from common_service.pagination import Cursors
from story_service.api.chat.conversation_routes import conversation_routes
from story_service.api.chat.memory_routes import memory_routes
from story_service.api.chat.message_routes import message_routes
from story_service.api.chat.use_cases import ChatUseCases
from story_service.application.chat.admit_words import AdmitWords
from story_service.application.chat.change_conversation import ChangeConversation
from story_service.application.chat.change_message import ChangeMessage
from story_service.application.chat.open_conversation import OpenConversation
from story_service.application.chat.own_memories import OwnMemories
from story_service.application.chat.ports import StartChatWork
from story_service.application.chat.read_conversations import ReadConversations
from story_service.application.ports import Moderator, Subscriptions


def wire_chat(
    start_work: StartChatWork, subscriptions: Subscriptions, moderator: Moderator, now: Clock = utc_now
) -> ChatUseCases:
    """Wire the use cases."""
    admit = AdmitWords(start_work, moderator, now, uuid7)
    return ChatUseCases(
        open=OpenConversation(start_work, subscriptions, now, uuid7),
        read=ReadConversations(start_work),
        change=ChangeConversation(start_work, now),
        messages=ChangeMessage(start_work, admit, now, uuid7),
        memories=OwnMemories(start_work, subscriptions, admit, now, uuid7),
    )


def chat_routers(use_cases: ChatUseCases, callers: Callers, cursors: Cursors) -> Sequence[APIRouter]:
    """Return the routes."""
    return [
        conversation_routes(use_cases, callers, cursors),
        message_routes(use_cases, callers, cursors),
        memory_routes(use_cases, callers, cursors),
    ]
