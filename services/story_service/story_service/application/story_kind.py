"""Stories as a kind of generation."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from story_service.application.kinds import Output
from story_service.application.ports import Clock, Work
from story_service.domain.cast import CastMember
from story_service.domain.events import StoriesPurged, StoryCreated
from story_service.domain.generation import Generation, State
from story_service.domain.ids import StoryId
from story_service.domain.prompt import Prompt
from story_service.domain.story import Length, StoryRequest, TruthMode
from story_service.domain.story_prompt import messages

STORY = "story"
WITHOUT_WORDS: Mapping[str, Any] = {
    "prompt": "",
    "tone": None,
    "universe": None,
    "scenario": None,
    "cast": [],
    "brief": "",
}


def request_document(request: StoryRequest, retained: int | None) -> dict[str, Any]:
    """Write what a reader asked for, and how many stories the plan keeps for them (None: all)."""
    cast, case_id = [asdict(member) for member in request.cast], str(request.case_id) if request.case_id else None
    return {**asdict(request), "cast": cast, "case_id": case_id, "retained": retained}


def request_of(document: Mapping[str, Any]) -> StoryRequest:
    """Read what a reader asked for."""
    case_id = document.get("case_id")  # not in requests of before there were cases
    return StoryRequest(
        document["prompt"],
        TruthMode(document["truth_mode"]),
        Length(document["length"]),
        document["tone"],
        document.get("universe"),
        document.get("scenario"),
        tuple(CastMember(**member) for member in document.get("cast", ())),
        UUID(case_id) if case_id else None,
        document.get("brief", ""),
    )


@dataclass(frozen=True, slots=True)
class StoryKind:
    """Writes a whole story into a row that waits for it."""

    now: Clock
    name: str = STORY
    is_shown: bool = True
    mark: str | None = None

    def names(self, generation: Generation) -> dict[str, str]:
        """Name the story."""
        return {"story_id": str(generation.target.id)}

    def location(self, generation: Generation) -> str:
        """Return where the story is read."""
        return f"/story/v1/stories/{generation.target.id}"

    async def prompt(self, _: Work, generation: Generation) -> Prompt:
        """Return what the request alone decides."""
        return Prompt(messages(request_of(generation.request)))

    def fault(self, _: Generation, __: Output) -> None:
        """Find nothing: every text is a story."""

    async def keep(self, work: Work, closed: Generation, output: Output) -> dict[str, Any]:
        """Write the story, whole or in part; make room for it, as the plan keeps so many."""
        story = await work.stories.find(StoryId(closed.target.id))
        if story is None:
            return {}  # its reader deleted it meanwhile
        tokens, cost, now = closed.price, closed.cost_micros or 0, self.now()
        if closed.state is not State.SUCCEEDED:
            await work.stories.keep(story.failed(output.text, tokens=tokens, cost_micros=cost, now=now))
            return {}
        ready = story.ready(output.text, tokens=tokens, cost_micros=cost, now=now)
        await work.stories.keep(ready)
        retained = closed.request["retained"]
        if retained is not None:
            purged = await work.stories.purge(closed.user_id, max(1, retained))
            if purged:
                await work.tell(StoriesPurged(closed.user_id, purged, now))
        await work.tell(StoryCreated(ready))
        return {}
