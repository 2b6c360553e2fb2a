"""A reader's memories: make, list, change, delete."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from story_service.application.attempts import AttemptKey
from story_service.application.chat.admit_words import AdmitWords
from story_service.application.chat.ports import ChatWork, StartChatWork
from story_service.application.chat.trees import owned
from story_service.application.ports import Clock, NewId, Subscriptions
from story_service.domain.access import Access
from story_service.domain.cases.errors import CaseUnknown
from story_service.domain.chat.errors import MemoryUnknown
from story_service.domain.chat.ids import ConversationId, MemoryId
from story_service.domain.chat.memory import MEMORIES, Memory, Note, Scope, demand_room
from story_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Remembered:
    """A new memory, and whether this attempt had been answered before."""

    memory: Memory
    replayed: bool


@dataclass(frozen=True, slots=True)
class OwnMemories:
    """Every text is judged before the transaction in which it is kept: a model will read it."""

    start_work: StartChatWork
    subscriptions: Subscriptions
    admit: AdmitWords
    now: Clock
    new_id: NewId

    async def page(
        self,
        user_id: UserId,
        scope: Scope | None,
        scope_id: UUID | None,
        *,
        before: tuple[datetime, UUID] | None,
        most: int,
    ) -> Sequence[Memory]:
        """Return the newest first."""
        async with self.start_work() as work:
            return await work.memories.of(user_id, scope, scope_id, before=before, most=most)

    async def make(
        self,
        user_id: UserId,
        conversation_id: ConversationId | None,
        note: Note,
        key: AttemptKey,
        *,
        case_id: UUID | None = None,
    ) -> Remembered:
        """Raises SubscriptionRequired, MemoryLimitReached, ConversationUnknown, CaseUnknown, and as AdmitWords does."""
        async with self.start_work() as work:
            if kept := await work.remembered.answer(user_id, key, self.now()):
                return Remembered(replace(kept, note=note), replayed=True)
            if conversation_id:
                await owned(work, user_id, conversation_id)
            if case_id:
                await _demand_case(work, user_id, case_id)
            used = await work.memories.number_of(user_id)
        access = await self.subscriptions.access(user_id)
        _demand_room(access, used)
        memory = Memory(MemoryId(self.new_id()), user_id, conversation_id, note, self.now(), case_id)
        decision = await self.admit(user_id, "memory", memory.id, _words(note))
        async with self.start_work() as work:
            if kept := await work.remembered.claim(user_id, key, memory.created_at):
                return Remembered(replace(kept, note=note), replayed=True)
            await work.usage.lock(user_id)
            if conversation_id:
                await owned(work, user_id, conversation_id, lock=True)
            _demand_room(access, await work.memories.number_of(user_id))
            await work.memories.add(memory)
            await work.record(decision)
            await work.remembered.keep(user_id, key, memory)
            await work.commit()
        return Remembered(memory, replayed=False)

    async def edit(self, user_id: UserId, memory_id: MemoryId, edit: Callable[[Note], Note]) -> Memory:
        """Raises MemoryUnknown, and what AdmitWords raises."""
        async with self.start_work() as work:
            wanted = edit((await _owned(work, user_id, memory_id)).note)
        decision = await self.admit(user_id, "memory", memory_id, _words(wanted))
        async with self.start_work() as work:
            memory = await _owned(work, user_id, memory_id, lock=True)
            edited = replace(memory, note=edit(memory.note))
            await work.memories.keep(edited)
            await work.record(decision)
            await work.commit()
        return edited

    async def delete(self, user_id: UserId, memory_id: MemoryId) -> None:
        """Raises MemoryUnknown."""
        async with self.start_work() as work:
            await _owned(work, user_id, memory_id, lock=True)
            await work.memories.delete(memory_id)
            await work.commit()


async def _demand_case(work: ChatWork, user_id: UserId, case_id: UUID) -> None:
    file = await work.cases.find(case_id)
    if file is None or not file.head.is_visible_to(user_id):
        raise CaseUnknown


def _demand_room(access: Access, used: int) -> None:
    demand_room(access.limit(MEMORIES).amount, used, access.plans_on_offer)


def _words(note: Note) -> str:
    return "\n".join([note.content, *note.trigger_keys])


async def _owned(work: ChatWork, user_id: UserId, memory_id: MemoryId, *, lock: bool = False) -> Memory:
    memory = await work.memories.find(memory_id, lock=lock)
    if memory is None or memory.user_id != user_id:
        raise MemoryUnknown
    return memory
