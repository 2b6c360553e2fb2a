"""What the pipeline asks of a kind of generation: how a call is drawn up, what is prompted, what is written where.

A new kind is a `Kind` registered in the wiring, and a use case that hands a `Commission` to `AcceptGenerations`
(docs/adr/0024-kinds-of-generations.md). Money, leases, logs, moderation and idempotency are not its business.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from story_service.application.ports import Work
from story_service.domain.access import Access
from story_service.domain.generation import Generation, Target
from story_service.domain.ids import GenerationId
from story_service.domain.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Piece:
    """One generation that a call asks for.

    `prompt_tokens` bounds its prompt from above, also where that is known only once an earlier piece is written;
    `units` are the meters it takes beside tokens; `request` is kept as JSON for the time when it is prompted. A
    `prompt` that is known already spares the process that accepts, and then runs it, to read everything again.
    """

    id: GenerationId
    kind: str
    target: Target
    request: Mapping[str, Any]
    prompt_tokens: int
    most_output: int
    units: Mapping[str, int] = field(default_factory=dict)
    prompt: Prompt | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What a call comes to: one generation, or several that run one after another.

    `words` are the reader's own, judged before anything is taken; the decision about them names `about`. `save` writes
    the kind's rows in the transaction that takes the money, and may refuse by raising. `said` is kept with the answer.
    """

    pieces: tuple[Piece, ...]
    words: str
    about: Target
    save: Callable[[Work, Sequence[Generation]], Awaitable[None]]
    said: Mapping[str, Any] = field(default_factory=dict)


class NothingToWrite(Exception):
    """What a call asks for is there already. Not a refusal: nothing is taken, and nothing has to be written."""


class Commission(Protocol):
    """One call of a reader. `route` names the idempotency keys of its endpoint, `flag` what the plan must include."""

    @property
    def route(self) -> str: ...

    @property
    def flag(self) -> str: ...

    async def read(self, work: Work) -> Callable[[Access], Order]:
        """Look up what the call names and return how it is drawn up under a plan, without further reading.

        Both may raise the kind's own refusals.
        """
        ...


@dataclass(frozen=True, slots=True)
class Output:
    """What a model wrote: the text, and what followed the kind's mark, which is never shown."""

    text: str
    tail: str = ""


class Kind(Protocol):
    """One kind of generation, while and after it runs."""

    @property
    def name(self) -> str: ...

    @property
    def is_shown(self) -> bool:
        """Whether readers follow the text as it is written; otherwise they hear of the end alone."""
        ...

    @property
    def mark(self) -> str | None:
        """What parts the text from a tail that is judged and kept, but not shown."""
        ...

    def names(self, generation: Generation) -> dict[str, str]:
        """Return the ids that its first and last events name it by."""
        ...

    def location(self, generation: Generation) -> str:
        """Return where its text is when its events are gone."""
        ...

    async def prompt(self, work: Work, generation: Generation) -> Prompt | None:
        """Return what the model reads; None where that no longer exists."""
        ...

    def fault(self, generation: Generation, output: Output) -> str | None:
        """Return the code of what makes the output useless: then it failed, and costs nothing."""
        ...

    async def keep(self, work: Work, closed: Generation, output: Output) -> dict[str, Any]:
        """Write what came of it into its target, tell the kind's own facts, and return members for `done`.

        Called once for every end, in the transaction that settles. The text is what readers were shown; nothing
        where it was blocked.
        """
        ...


Kinds = Mapping[str, Kind]
