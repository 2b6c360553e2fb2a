"""Puts another text into a story, and keeps the one before it."""

from datetime import datetime

from story_service.application.ports import Work
from story_service.domain.ids import GenerationId, UserId
from story_service.domain.revisions.revision import MOST_KEPT, Revision, first
from story_service.domain.story import Story


async def revise(  # one argument a fact of it
    work: Work,
    story: Story,
    title: str,
    body: str,
    now: datetime,
    *,
    by: UserId | None = None,
    generation_id: GenerationId | None = None,
) -> Story:
    """Return the story as it was kept: part of the caller's work, which holds the story. Raises as `rewritten` does."""
    rewritten = story.rewritten(title, body, now)
    old = [] if await work.revisions.has(story.id) else [first(story)]
    await work.revisions.add(*old, Revision(story.id, rewritten.version, title, body, generation_id, by, now))
    await work.revisions.forget(story.id, MOST_KEPT)
    await work.stories.keep(rewritten)
    return rewritten
