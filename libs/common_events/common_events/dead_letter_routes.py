"""The dead letters of a service, for admins: what was given up and why, and once more (api.md, every service)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from common_events.dead_letters import DeadLetter, DeadLetters
from common_events.tables import MessagingTables
from common_service.database import Database
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor, Problem, ProblemTable

_LIST = "dead_letters"
ConsumerName = Annotated[str, Path(max_length=100, pattern=r"^[a-z_]+(\.[a-z_]+)*$", description="Who gave it up.")]


class DeadLetterUnknown(Exception):
    """No such consumer has given up such an event, or it has been applied since."""

    def __init__(self) -> None:
        super().__init__("There is no such dead letter.")


DEAD_LETTER_PROBLEMS: dict[type[Exception], Problem] = {DeadLetterUnknown: Problem(404, "not_found")}


class DeadLetterView(BaseModel):
    """An event that was given up, without what it says."""

    consumer: str
    event_id: UUID
    type: str
    source: str = Field(description="The service that told it.")
    partition_key: str
    reason: str = Field(description="The kind of the error; its text, which may quote the event, is in no answer.")
    attempts: int
    first_failed_at: datetime
    last_failed_at: datetime
    redriven_at: datetime | None = Field(description="When somebody asked for it again, until that has been tried.")

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """Return what may be shown of a letter."""
        return cls(
            consumer=letter.consumer,
            event_id=letter.envelope.id,
            type=letter.envelope.type,
            source=letter.envelope.source,
            partition_key=letter.envelope.partition_key,
            reason=letter.error,
            attempts=letter.attempts,
            first_failed_at=letter.first_failed_at,
            last_failed_at=letter.last_failed_at,
            redriven_at=letter.redriven_at,
        )


class Redriven(BaseModel):
    """The dead letter that will be tried again; it is gone once it has been applied."""

    consumer: str
    event_id: UUID


def dead_letter_routes(
    database: Database,
    tables: MessagingTables,
    cursors: Cursors,
    *,
    reads: Mapping[str, Any],
    writes: Mapping[str, Any],
    problems: ProblemTable,
    refusals: tuple[type[Exception], ...] = (),
) -> APIRouter:
    """Return the routes; `reads` and `writes` are what makes each refuse others, and `refusals` how they do.

    `problems` must have DEAD_LETTER_PROBLEMS.
    """
    router, letters = APIRouter(prefix="/internal/v1/dead-letters", tags=["internal"]), DeadLetters(tables.dead_letters)

    @router.get("", responses=problems.responses(*refusals, BadCursor), **reads)
    async def list_dead_letters(limit: Limit = 20, cursor: Cursor = None) -> Page[DeadLetterView]:
        """List the events that this service has given up, those that failed first most recently before others."""
        async with database.reading() as session:
            found = await letters.listed(session, limit=limit + 1, before=_place(cursors, cursor))
        return Page(
            items=[DeadLetterView.of(letter) for letter in found[:limit]],
            next_cursor=_behind(cursors, found[limit - 1]) if len(found) > limit else None,
        )

    @router.post(
        "/{consumer}/{event_id}/redrive",
        status_code=202,
        responses=problems.responses(*refusals, DeadLetterUnknown),
        **writes,
    )
    async def redrive_dead_letter(consumer: ConsumerName, event_id: UUID) -> Redriven:
        """Have an event applied after all, within seconds and out of its order; asked twice, it is applied once."""
        async with database.session() as session:
            if not await letters.ask_again(session, consumer, event_id):
                raise DeadLetterUnknown
            await session.commit()
        return Redriven(consumer=consumer, event_id=event_id)

    return router


def _behind(cursors: Cursors, letter: DeadLetter) -> str:
    at, event_id, consumer = letter.place
    return cursors.make({"at": at.isoformat(), "id": str(event_id), "of": consumer}, of=_LIST)


def _place(cursors: Cursors, cursor: str | None) -> tuple[datetime, UUID, str] | None:
    place = cursors.read(cursor, of=_LIST)
    return None if place is None else (datetime.fromisoformat(place["at"]), UUID(place["id"]), str(place["of"]))
