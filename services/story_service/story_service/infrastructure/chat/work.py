"""The unit of work that reaches chat too."""

from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.cases.ports import CaseFiles
from story_service.application.chat.ports import ChatWork, Conversations, Kept, Memories, Messages
from story_service.application.ports import Work
from story_service.domain.chat.conversation import Conversation
from story_service.domain.chat.memory import Memory
from story_service.domain.chat.message import Message
from story_service.infrastructure.cases.files import SqlCaseFiles
from story_service.infrastructure.chat.attempts import conversations_kept, memories_kept, messages_kept
from story_service.infrastructure.chat.conversations import SqlConversations
from story_service.infrastructure.chat.memories import SqlMemories
from story_service.infrastructure.chat.messages import SqlMessages
from story_service.infrastructure.work import SqlStoryWork


class SqlChatWork(SqlStoryWork):
    """One transaction over the schema `story`, chat included."""

    def open(self, session: AsyncSession) -> None:
        """Build what shares the session."""
        super().open(session)
        self.conversations: Conversations = SqlConversations(session)
        self.messages: Messages = SqlMessages(session)
        self.memories: Memories = SqlMemories(session)
        self.cases: CaseFiles = SqlCaseFiles(session)
        self.opened: Kept[Conversation] = conversations_kept(session, "POST /story/v1/conversations")
        self.forked: Kept[Conversation] = conversations_kept(session, "POST /story/v1/conversations/{id}/fork")
        self.edited: Kept[Message] = messages_kept(session, "PATCH /story/v1/messages/{id}")
        self.remembered: Kept[Memory] = memories_kept(session, "POST /story/v1/memories")


def chat_of(work: Work) -> ChatWork:
    """Return the same transaction as chat sees it; only its owner commits it."""
    assert isinstance(work, SqlStoryWork), "chat is kept in Postgres alone"
    return work if isinstance(work, SqlChatWork) else SqlChatWork.on(work.session)
