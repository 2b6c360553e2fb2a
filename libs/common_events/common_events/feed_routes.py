"""`GET /internal/v1/events`: the feed of a service's events, for services with the scope (api.md, every service)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from common_events.envelope import Envelope
from common_events.feed import EventFeed
from common_service.pagination import Cursors

_LIST = "events"
_MOST = 500
After = Annotated[
    str | None,
    Query(max_length=1024, pattern=r"^[\x21-\x7e]*$", description="`cursor` of the page before; none: the oldest."),
]
Limit = Annotated[int, Query(ge=1, le=_MOST, description="How many events at the most.")]
Types = Annotated[
    str | None,
    Query(
        max_length=2000,
        pattern=r"^[a-z_]+(\.[a-z_]+)+(,[a-z_]+(\.[a-z_]+)+)*$",
        description="Event types, separated by commas; none: all.",
    ),
]


class EventPage(BaseModel):
    """Events in their order; `cursor` is the place behind them, to ask for the next page now or later."""

    items: list[Envelope] = Field(description="None: there is nothing new yet.")
    cursor: str


def feed_routes(
    feed: EventFeed, cursors: Cursors, *, guard: Sequence[Any], responses: Mapping[int | str, dict[str, Any]]
) -> APIRouter:
    """Return the route; `guard` are the dependencies that refuse others, `responses` how they do, a bad cursor too."""
    router = APIRouter(prefix="/internal/v1/events", tags=["internal"], dependencies=[*guard])

    @router.get("", responses={**responses})
    async def read_events(after: After = None, limit: Limit = 100, types: Types = None) -> EventPage:
        """Read what this service has told, in order: to build a read model anew, or to find what was missed.

        Events are kept for 7 days after all services have consumed them.
        """
        position = cursors.read(after, of=_LIST)
        page = await feed.read(
            after=0 if position is None else int(position["after"]),
            limit=limit,
            types=types.split(",") if types else (),
        )
        return EventPage(items=list(page.events), cursor=cursors.make({"after": page.upto}, of=_LIST))

    return router
