"""Analyses as a kind of generation: nobody sees the JSON as it is written, and what does not fit costs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from story_service.application.kinds import Output
from story_service.application.ports import Clock, Work
from story_service.domain.analysing.analysis import ANALYSIS, Analysis, AnalysisKind, answers, prompt, text_digest
from story_service.domain.events import CharactersExtracted, StoryAnalyzed
from story_service.domain.generation import Generation, State
from story_service.domain.ids import StoryId
from story_service.domain.prompt import Prompt


@dataclass(frozen=True, slots=True)
class AnalysisGeneration:
    """One call of a model answers every question that was not answered about this text before."""

    now: Clock
    name: str = ANALYSIS
    is_shown: bool = False
    mark: str | None = None

    def names(self, generation: Generation) -> dict[str, str]:
        """Name the story."""
        return {"story_id": str(generation.target.id)}

    def location(self, generation: Generation) -> str:
        """Return where the answers are read."""
        return f"/story/v1/stories/{generation.target.id}/analyses"

    async def prompt(self, work: Work, generation: Generation) -> Prompt | None:
        """Return the story and the questions; None when it has another text."""
        story = await work.stories.find(StoryId(generation.target.id))
        if story is None or text_digest(story).hex() != generation.request["text_sha256"]:
            return None
        return prompt(story, _asked(generation.request))

    def fault(self, generation: Generation, output: Output) -> str | None:
        """Find what has not the shape that was asked for."""
        return None if _read(generation, output) is not None else "output_unfit"

    async def keep(self, work: Work, closed: Generation, output: Output) -> dict[str, Any]:
        """Write the answers."""
        story = await work.stories.find(StoryId(closed.target.id))
        found = _read(closed, output) if closed.state is State.SUCCEEDED else None
        if story is None or found is None:
            return {}
        text, now = bytes.fromhex(closed.request["text_sha256"]), self.now()
        made = [Analysis(story.id, kind, text, closed.model, answer, closed.id, now) for kind, answer in found.items()]
        await work.analyses.keep(*made)
        await work.tell(StoryAnalyzed(story, tuple(sorted(found)), now))
        if AnalysisKind.CHARACTERS in found:
            await work.tell(CharactersExtracted(story, len(found[AnalysisKind.CHARACTERS]), now))
        return {"kinds": sorted(found)}


def _asked(request: Mapping[str, Any]) -> list[AnalysisKind]:
    return [AnalysisKind(kind) for kind in request["kinds"]]


def _read(generation: Generation, output: Output) -> Mapping[AnalysisKind, Any] | None:
    return answers(output.text, _asked(generation.request), generation.request["paragraphs"])
