"""What the use cases need from outside, named for its role."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from story_service.application.analysing.ports import Analyses
from story_service.application.attempts import AttemptKey
from story_service.application.cases.reading import CaseReader
from story_service.application.catalog.ports import Catalog
from story_service.application.character_ports import CharacterAttempts, Characters
from story_service.application.library_ports import Library
from story_service.application.model_ports import Models
from story_service.application.publishing.ports import CloneAttempts
from story_service.application.revisions.ports import Revisions
from story_service.domain.access import Access
from story_service.domain.chunks import Chunk, Draft
from story_service.domain.events import Event
from story_service.domain.generation import Ending, Generation, Trouble
from story_service.domain.grants import Grant
from story_service.domain.ids import GenerationId, ReservationId, StoryId, UserId
from story_service.domain.ledger import Balance, Head, LedgerEntry
from story_service.domain.moderation import Decision, Verdict
from story_service.domain.pricing import Bill, CatalogModel, Usage
from story_service.domain.prompt import Prompt
from story_service.domain.story import Story
from story_service.domain.usage import GrantReading, Line, Meter, Window

Clock = Callable[[], datetime]
NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The generations of a call as they were when accepted, without a reader's words: what the same key is answered."""

    generations: tuple[Generation, ...]
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Totals:
    """What a reader had written, over all time."""

    stories: int
    tokens: int
    cost_micros: int


class Attempts(Protocol):
    """Answers under idempotency keys, by the route that gave them."""

    async def answer(self, user_id: UserId, route: str, key: AttemptKey, now: datetime) -> Acceptance | None:
        """Look without taking the key; one that lapsed names nothing. Raises IdempotencyKeyReused."""
        ...

    async def claim(self, user_id: UserId, route: str, key: AttemptKey, now: datetime) -> Acceptance | None:
        """Take the key, or wait for whoever has it and return the answer. Raises as `answer` does."""
        ...

    async def keep(self, user_id: UserId, route: str, key: AttemptKey, acceptance: Acceptance) -> None:
        """Keep the answer under a key that this work took."""
        ...


class Stories(Protocol):
    """Stories that are not deleted."""

    async def add(self, story: Story) -> None: ...

    async def find(self, story_id: StoryId, *, lock: bool = False) -> Story | None: ...

    async def latest_of(self, user_id: UserId) -> Story | None: ...

    async def of(self, user_id: UserId, *, before: tuple[datetime, UUID] | None, most: int) -> list[Story]:
        """Return the newest first, from behind `before`."""
        ...

    async def keep(self, story: Story) -> None:
        """Write a story back; one that is the latest takes that from the others."""
        ...

    async def purge(self, user_id: UserId, retained: int) -> int:
        """Remove all but the newest `retained`, with the words of their requests; pinned and unwritten ones stay."""
        ...

    async def pinned_of(self, user_id: UserId) -> int:
        """Count those that this reader published or cloned."""
        ...

    async def delete(self, story: Story, now: datetime) -> None:
        """Hide a story; the newest ready one becomes the latest."""
        ...

    async def purge_deleted(self, deleted_before: datetime, most: int) -> int:
        """Remove hidden stories for good, with the words of their requests; return how many."""
        ...


class Generations(Protocol):
    """Generations and their logs. Every write after the first is guarded by the fence."""

    async def add(self, generation: Generation, opening: Draft) -> None: ...

    async def find(self, generation_id: GenerationId, *, lock: bool = False) -> Generation | None: ...

    async def open_of(self, user_id: UserId) -> int:
        """Count what this reader has open; those of one call, which take turns, are one."""
        ...

    async def open_at(
        self, user_id: UserId, target_id: UUID, kinds: Collection[str], *, besides: GenerationId | None = None
    ) -> bool:
        """Tell whether this reader has one of these kinds open with this target."""
        ...

    async def waiting_for(self, generation: Generation) -> list[Generation]:
        """Return those that wait for its end, in their order, locked."""
        ...

    async def release_waiting(self, closed: Generation, now: datetime) -> GenerationId | None:
        """Let the one that waits for a closed one be taken; return it."""
        ...

    async def lease(self, generation_id: GenerationId, owner: str, now: datetime) -> Generation | None:
        """Take an accepted one that waits for nothing, and start it; None if somebody else did."""
        ...

    async def beat(self, generation: Generation, now: datetime) -> bool:
        """Prolong the lease; False when it is no longer held."""
        ...

    async def append(self, generation: Generation, drafts: Sequence[Draft], now: datetime) -> list[Chunk] | None:
        """Add to the log; None when the fence is old."""
        ...

    async def written_by(self, generation: Generation, model: CatalogModel) -> bool:
        """Note that another model than the chosen one writes it; False when the fence is old."""
        ...

    async def finish(self, generation: Generation) -> bool:
        """Note that the provider is done."""
        ...

    async def close(self, generation: Generation, ending: Ending, bill: Bill, now: datetime) -> Generation | None:
        """End it, unless somebody else did or the fence is old. No fence is good after this."""
        ...

    async def conclude(self, generation: Generation, drafts: Sequence[Draft]) -> list[Chunk]:
        """Add the last events of one that this work closed."""
        ...

    async def requeue(self, generation: Generation) -> bool:
        """Give it back, to be taken anew; the old fence is void."""
        ...

    async def unattended(self, now: datetime, *, grace: datetime, most: int) -> list[Generation]:
        """Return open ones without a living owner, locked; accepted ones only if they could be taken before `grace`."""
        ...

    async def log(self, generation_id: GenerationId, after: int) -> list[Chunk]: ...

    async def purge_logs(self, closed_before: datetime, most: int) -> int: ...

    async def recent_of(self, user_id: UserId, most: int) -> list[Generation]: ...

    async def troubled(
        self, trouble: Trouble, now: datetime, *, before: tuple[datetime, UUID] | None, most: int
    ) -> list[Generation]:
        """Return anybody's, the newest first, from behind `before`."""
        ...

    async def totals_of(self, user_id: UserId) -> Totals: ...


class UsageBook(Protocol):
    """Windows, reservations and the ledger of readers."""

    async def lock(self, user_id: UserId) -> Head:
        """Let nobody else touch this reader's usage until the work ends."""
        ...

    async def reserve(self, user_id: UserId, line: Line, limit: int | None) -> Meter | None:
        """Take the amount, from the line's grant if it has one, if the limit allows; None if not."""
        ...

    async def holding(self, user_id: UserId, meter: str, window: Window) -> Meter: ...

    async def holdings(self, user_id: UserId, windows: Mapping[str, Window]) -> dict[str, Meter]:
        """Return what each meter holds in its window; one that was never used is empty."""
        ...

    async def burnt(self, grants: Sequence[Grant]) -> tuple[GrantReading, ...]:
        """Return what is held and used of each; of one that was never drawn upon, nothing."""
        ...

    async def open(
        self, reservation_id: ReservationId, generation: Generation, lines: Sequence[Line], expires_at: datetime
    ) -> None: ...

    async def close(
        self, generation_id: GenerationId, *, settled: bool, now: datetime
    ) -> tuple[ReservationId, list[Line]] | None:
        """Close the open reservation and return its lines in their order; None if somebody else did."""
        ...

    async def settle(self, user_id: UserId, reservation_id: ReservationId, line: Line) -> Meter:
        """Turn a line's reserved amount into its settled one."""
        ...

    async def refund(self, user_id: UserId, meter: str, window: Window, amount: int) -> Meter | None:
        """Take back what was charged in a window; None where it was less."""
        ...

    async def overdue(self, now: datetime, most: int) -> list[tuple[UserId, GenerationId]]:
        """Return whose open reservations are past their time for which generations, of those that are closed."""
        ...

    async def post(self, user_id: UserId, entries: Sequence[LedgerEntry], head: Head) -> None: ...

    async def entries(self, user_id: UserId) -> list[LedgerEntry]: ...

    async def head(self, user_id: UserId) -> Head:
        """Return the end of the chain as it was last committed, without taking it."""
        ...

    async def page(self, user_id: UserId, *, before: int | None, most: int) -> list[LedgerEntry]:
        """Return the newest first, from behind `before`."""
        ...

    async def balances(self, user_id: UserId) -> dict[str, Balance]:
        """Return the sums of every meter over all its windows and grants."""
        ...


class Work(Protocol):
    """One transaction, rolled back unless committed."""

    attempts: Attempts
    catalog: Catalog
    character_attempts: CharacterAttempts
    characters: Characters
    clones: CloneAttempts
    revisions: Revisions
    analyses: Analyses
    models: Models
    stories: Stories
    case_files: CaseReader
    library: Library
    generations: Generations
    usage: UsageBook

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def record(self, decision: Decision) -> None:
        """Keep a decision for good."""

    async def tell(self, *events: Event) -> None:
        """Put facts in the outbox."""

    async def together(self, *wanted: Awaitable[Any]) -> list[Any]:
        """Await parts that need nothing of one another, at last a commit: what they ask goes in one round trip."""

    async def commit(self) -> None: ...


StartWork = Callable[[], Work]


class Subscriptions(Protocol):
    """What payment_service says a reader may do."""

    async def access(self, user_id: UserId) -> Access: ...


class StoryWriter(Protocol):
    """A model that writes."""

    def write(self, model: CatalogModel, prompt: Prompt, most_tokens: int) -> AsyncGenerator[str | Usage, None]:
        """Yield pieces of text, at the end the usage if the provider tells it. Raises WriterFailed."""
        ...


class Moderator(Protocol):
    """Judges texts by the policy in force."""

    provider: str
    policy_version: str

    async def judge(self, text: str) -> Verdict:
        """Raise ModerationUnavailable when nobody can say."""
        ...
