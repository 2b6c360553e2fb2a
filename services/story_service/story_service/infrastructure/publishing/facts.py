"""Facts of who can read a story, and of those that nobody can any more."""

from typing import Any

from common_events.outbox import Fact
from story_service.domain.events import StoriesPurged, StoryCloned, StoryPublished, StoryUnpublished
from story_service.domain.publishing.publishing import visibility_of


def shelf_fact_of(event: StoryPublished | StoryUnpublished | StoryCloned | StoriesPurged) -> Fact:
    """Return the fact that tells of an event."""
    if isinstance(event, StoriesPurged):
        return Fact("story.purged", str(event.user_id), 1, {"count": event.count}, event.at, event.user_id)
    story = event.story
    data: dict[str, Any] = {"story_id": str(story.id), "truth_mode": story.truth_mode, "version": story.version}
    match event:
        case StoryPublished():
            kind, data["visibility"] = "story.published", visibility_of(story)
        case StoryUnpublished():
            kind, data["reason"] = "story.unpublished", event.reason
        case StoryCloned():
            assert story.source is not None, "a clone has a source"
            kind, data["source_story_id"] = "story.cloned", str(story.source.id)
            data["source_author_id"] = str(event.author_id) if event.author_id else None
    return Fact(kind, str(story.id), story.version, data, story.updated_at, story.user_id)
