"""Chat, wired: its kinds of generation, its use cases over ports, and its routes."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from common_auth.callers import Callers
from common_service.clock import Clock
from common_service.draining import Drain
from common_service.ids import uuid7
from common_service.pagination import Cursors
from common_service.rate_limit import RateLimits
from story_service.api.chat.conversation_routes import conversation_routes
from story_service.api.chat.memory_routes import memory_routes
from story_service.api.chat.message_routes import message_routes
from story_service.api.chat.reply_routes import reply_routes
from story_service.api.chat.use_cases import ChatUseCases
from story_service.application.accept_generations import AcceptGenerations
from story_service.application.chat.admit_words import AdmitWords
from story_service.application.chat.change_conversation import ChangeConversation
from story_service.application.chat.change_message import ChangeMessage
from story_service.application.chat.converse import Converse
from story_service.application.chat.kinds import ReplyKind, SummaryKind
from story_service.application.chat.open_conversation import OpenConversation
from story_service.application.chat.own_memories import OwnMemories
from story_service.application.chat.ports import StartChatWork
from story_service.application.chat.read_context import ReadContext
from story_service.application.chat.read_conversations import ReadConversations
from story_service.application.follow_generation import FollowGeneration
from story_service.application.kinds import Kind
from story_service.application.ports import Moderator, Subscriptions
from story_service.infrastructure.chat.work import chat_of


@dataclass(frozen=True, slots=True)
class ChatPorts:
    """What chat stands on: a work of its own, and the pipeline of all generations."""

    start_work: StartChatWork
    subscriptions: Subscriptions
    moderator: Moderator
    accept: AcceptGenerations
    follow: FollowGeneration
    now: Clock
    start_reading: StartChatWork | None = None


def chat_kinds(now: Clock) -> tuple[Kind, ...]:
    """Return what chat has models write."""
    return ReplyKind(chat_of, now), SummaryKind(chat_of)


def wire_chat(ports: ChatPorts) -> ChatUseCases:
    """Wire the use cases."""
    start_work, now = ports.start_work, ports.now
    start_reading = ports.start_reading or start_work
    admit = AdmitWords(start_work, ports.moderator, now, uuid7)
    return ChatUseCases(
        open=OpenConversation(start_work, ports.subscriptions, now, uuid7),
        read=ReadConversations(start_reading),
        change=ChangeConversation(start_work, now),
        messages=ChangeMessage(start_work, admit, now, uuid7),
        memories=OwnMemories(start_work, ports.subscriptions, admit, now, uuid7),
        converse=Converse(ports.accept, chat_of, uuid7),
        context=ReadContext(start_reading, ports.subscriptions),
        follow=ports.follow,
    )


def chat_routers(
    use_cases: ChatUseCases, callers: Callers, cursors: Cursors, limits: RateLimits, drain: Drain
) -> Sequence[APIRouter]:
    """Return the routes."""
    return [
        conversation_routes(use_cases, callers, cursors),
        message_routes(use_cases, callers, cursors, limits),
        reply_routes(use_cases, callers, limits, drain),
        memory_routes(use_cases, callers, cursors, limits),
    ]
