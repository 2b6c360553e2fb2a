"""A reader's own case files: make, change, delete. Every text is judged before the transaction in which it is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from story_service.application.attempts import AttemptKey
from story_service.application.cases.admit_case_text import AdmitCaseText
from story_service.application.cases.ports import CaseWork, Document, Recheck, StartCaseWork
from story_service.application.catalog.listing import list_case
from story_service.application.ports import Clock, NewId, Subscriptions
from story_service.domain.access import Access
from story_service.domain.cases.case_file import OWN, CaseFile, CaseHead
from story_service.domain.cases.changes import Change, with_head
from story_service.domain.cases.errors import CaseHasPublishedStories, CaseUnknown
from story_service.domain.cases.events import CaseUpdated
from story_service.domain.cases.guard import demand_words_fit
from story_service.domain.cases.room import demand_room
from story_service.domain.catalog.entry import EntryType
from story_service.domain.ids import UserId

MAKE = "POST /story/v1/cases"
_CREATED = 201
Apply = Callable[[CaseFile], Change]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, and whether this attempt had been answered before."""

    body: Document
    replayed: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call under an idempotency key: the route counts, and how the outcome is shown is kept with it."""

    route: str
    key: AttemptKey
    show: Callable[[CaseFile], Document]


@dataclass(frozen=True, slots=True)
class OwnCases:
    """One change after another: the head of the file is locked, and its version counts them."""

    start_work: StartCaseWork
    subscriptions: Subscriptions
    admit: AdmitCaseText
    now: Clock
    new_id: NewId

    async def make(self, head: CaseHead, attempt: Attempt) -> Answer:
        """Raises SubscriptionRequired, CaseLimitReached, and what AdmitCaseText raises."""
        user_id = head.owner_id
        assert user_id is not None, "cases of the house come with migrations"
        principal = str(user_id)
        async with self.start_work() as work:
            if kept := await work.answers.answer(principal, attempt.route, attempt.key, self.now()):
                return Answer(kept, replayed=True)
            used = await work.cases.number_of(user_id)
        access = await self.subscriptions.access(user_id)
        _demand_room(access, used)
        words = f"{head.title}\n{head.summary}"
        demand_words_fit(CaseFile(head), words)
        decision = await self.admit(user_id, head.id, words)
        async with self.start_work() as work:
            if kept := await work.answers.claim(principal, attempt.route, attempt.key, self.now()):
                return Answer(kept, replayed=True)
            await work.usage.lock(user_id)
            _demand_room(access, await work.cases.number_of(user_id))
            await work.cases.add(head)
            await list_case(work, head)
            await work.record(decision)
            await work.tell(CaseUpdated(head))
            body = attempt.show(CaseFile(head))
            await work.answers.keep(principal, attempt.route, attempt.key, _CREATED, body)
            await work.commit()
        return Answer(body, replayed=False)

    async def edit(
        self, user_id: UserId, case_id: UUID, edit: Callable[[CaseHead], CaseHead], *, version: int
    ) -> CaseFile:
        """Apply `edit` to the version that the reader has seen.

        Raises VersionConflict, and what `change` raises.
        """

        def apply(file: CaseFile) -> Change:
            return with_head(file, edit(file.head), version=version, now=self.now())

        return await self.change(user_id, case_id, apply, _head_words)

    async def change(self, user_id: UserId, case_id: UUID, apply: Apply, words: Callable[[CaseFile], str]) -> CaseFile:
        """Change a file; `words` of it are judged first. Raises CaseUnknown, NotTheOwner, and what `apply` raises."""
        async with self.start_work() as work:
            wanted = apply(await owned(work, user_id, case_id))
        decision = await self.admit(user_id, case_id, words(wanted.file))
        async with self.start_work() as work:
            change = apply(await owned(work, user_id, case_id, lock=True))
            await self._keep(work, change)
            await work.record(decision)
            await work.commit()
        return change.file

    async def add(self, user_id: UserId, case_id: UUID, apply: Apply, words: str, attempt: Attempt) -> Answer:
        """Add a part to a file, once under its key. Raises as `change` does."""
        principal = str(user_id)
        async with self.start_work() as work:
            if kept := await work.answers.answer(principal, attempt.route, attempt.key, self.now()):
                return Answer(kept, replayed=True)
            apply(await owned(work, user_id, case_id))
        decision = await self.admit(user_id, case_id, words)
        async with self.start_work() as work:
            if kept := await work.answers.claim(principal, attempt.route, attempt.key, self.now()):
                return Answer(kept, replayed=True)
            change = apply(await owned(work, user_id, case_id, lock=True))
            await self._keep(work, change)
            await work.record(decision)
            body = attempt.show(change.file)
            await work.answers.keep(principal, attempt.route, attempt.key, _CREATED, body)
            await work.commit()
        return Answer(body, replayed=False)

    async def take_out(self, user_id: UserId, case_id: UUID, apply: Apply) -> None:
        """Change a file in a way that adds no words. Raises as `change` does."""
        async with self.start_work() as work:
            await self._keep(work, apply(await owned(work, user_id, case_id, lock=True)))
            await work.commit()

    async def delete(self, user_id: UserId, case_id: UUID) -> None:
        """Raises CaseUnknown, NotTheOwner, CaseHasPublishedStories."""
        async with self.start_work() as work:
            await owned(work, user_id, case_id, lock=True)
            if await work.cases.has_published_stories(case_id):
                raise CaseHasPublishedStories
            await work.cases.delete(case_id, self.now())
            await work.catalog.remove(EntryType.CASE, case_id, self.now())
            await work.commit()

    async def _keep(self, work: CaseWork, change: Change) -> None:
        await work.cases.keep(change)
        await list_case(work, change.file.head)
        await work.tell(*change.events)
        if change.status:
            await work.rechecks.ask(Recheck(self.new_id(), change.file.head.id, change.status))


async def owned(work: CaseWork, user_id: UserId, case_id: UUID, *, lock: bool = False) -> CaseFile:
    """Return somebody's own file. Raises CaseUnknown, NotTheOwner."""
    file = await work.cases.find(case_id, lock=lock)
    if file is None or not file.head.is_visible_to(user_id):
        raise CaseUnknown
    file.head.demand_owner(user_id)
    return file


def _head_words(file: CaseFile) -> str:
    return f"{file.head.title}\n{file.head.summary}"


def _demand_room(access: Access, used: int) -> None:
    demand_room(access.limit(OWN).amount, used, access.plans_on_offer)
