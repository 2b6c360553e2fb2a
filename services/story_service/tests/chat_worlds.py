"""Chat over a real Postgres, and a client of its routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Self
from uuid import UUID

import httpx2

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.draining import Drain
from common_service.ids import uuid7
from common_service.pagination import Cursors
from common_service.rate_limit import local_limits
from common_service.testing import ready
from services.story_service.tests.memory import open_works
from services.story_service.tests.memory_characters import investigators
from services.story_service.tests.worlds import NOON, READER, CountedWork, World, a_plan
from story_service.application.chat.ports import StartChatWork
from story_service.application.chat.trees import place_under
from story_service.domain.access import Access, Limit
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.chat.message import Author, Message
from story_service.domain.ids import UserId
from story_service.infrastructure.chat.work import SqlChatWork
from story_service.settings import Settings
from story_service.wiring.chat import ChatPorts, chat_kinds, chat_routers, wire_chat
from story_service.wiring.http import assemble

CHATS, MEMORIES = "/story/v1/conversations", "/story/v1/memories"
HOUSE = [str(character.id) for character in investigators()]
SECRET = "a secret of the tests"


class CountedChatWork(SqlChatWork):
    """A work that fakes of the network can see open."""

    async def __aenter__(self) -> Self:
        open_works.set(open_works.get() + 1)
        return await super().__aenter__()

    async def __aexit__(self, *error: object) -> None:
        open_works.set(open_works.get() - 1)
        await self.session.close()


def chat_plan(*, chats: int | None = None, memories: int | None = 10) -> Access:
    """Return a plan with chat."""
    plan = a_plan()
    limits = {**plan.limits, "chats.day": Limit(chats, "day"), "memories.own": Limit(memories, "total")}
    return replace(plan, limits=limits, flags=plan.flags | {"chat.access"})


class ChatWorld(World):
    """The service with chat, over one database."""

    def __init__(self, database: Database) -> None:
        super().__init__(lambda: CountedWork(database), plan=chat_plan(), more_kinds=chat_kinds)
        self.start_chat: StartChatWork = lambda: CountedChatWork(database)
        ports = self.start_chat, self.subscriptions, self.moderator, self.use.generate.accept, self.use.follow
        self.chat = wire_chat(ChatPorts(*ports, self.clock))

    async def said(self, conversation: Any, *words: str, parent: str = "") -> list[str]:
        """Say things one below the other, as the reader, below `parent` or the head; return their ids."""
        ids = []
        async with self.start_chat() as work:
            found = await work.conversations.find(ConversationId(UUID(conversation["id"])), lock=True)
            assert found is not None
            at = MessageId(UUID(parent)) if parent else found.head_id
            for word in words:
                above, new_id = await work.messages.find(at) if at else None, MessageId(uuid7())
                place, number = await place_under(work, above, new_id), found.message_count + 1
                await work.messages.add(Message(new_id, found.id, number, place, Author.USER, word, NOON))
                found, at = found.grown(new_id, NOON), new_id
                ids.append(str(new_id))
            await work.conversations.keep(found)
            await work.commit()
        return ids

    @asynccontextmanager
    async def client(self, issuer: TestIssuer, user_id: UserId = READER) -> AsyncIterator["ChatClient"]:
        """Yield a client of the routes, signed in."""
        callers, cursors, drain = issuer.callers({}), Cursors(SECRET), Drain()
        routers = chat_routers(self.chat, callers, cursors, local_limits(Settings.default_rates), drain)
        app = assemble(self.use, callers, cursors, ready=ready, drain=drain, feed=routers)
        headers = {"Authorization": f"Bearer {issuer.reader(user_id)}"}
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://story", headers=headers) as http:
            yield ChatClient(http)


class ChatClient:
    """Calls of a reader, each with a key of its own."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http, self._keys = http, 0

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        self._keys += 1
        named = {"Idempotency-Key": f"key-{self._keys}"} | {name.replace("_", "-"): v for name, v in headers.items()}
        return await self.http.request(method, path, json=body, headers=named)

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def open(self, *character_ids: str, **wish: Any) -> Any:
        answer = await self.send("POST", CHATS, {"character_ids": list(character_ids or HOUSE[:1]), **wish})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def messages(self, conversation: Any, **params: Any) -> list[Any]:
        """Walk all pages."""
        found, cursor = [], None
        while True:
            path = f"{CHATS}/{conversation['id']}/messages"
            page = await self.get(path, **params, **({"cursor": cursor} if cursor else {}))
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found


def refused(answer: httpx2.Response) -> tuple[int, str]:
    """Return how it was refused."""
    return answer.status_code, answer.json()["code"]
