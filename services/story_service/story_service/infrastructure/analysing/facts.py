"""Facts of what was found in a story: which questions and how many, never what."""

from typing import Any

from common_events.outbox import Fact
from story_service.domain.events import CharactersExtracted, StoryAnalyzed


def analysis_fact_of(event: StoryAnalyzed | CharactersExtracted) -> Fact:
    """Return the fact that tells of an event."""
    story = event.story
    data: dict[str, Any] = {"story_id": str(story.id), "version": story.version}
    match event:
        case StoryAnalyzed():
            kind, data["kinds"] = "story.analyzed", list(event.kinds)
        case CharactersExtracted():
            kind, data["count"] = "characters.extracted", event.count
    return Fact(kind, str(story.id), story.version, data, event.at, story.user_id)
