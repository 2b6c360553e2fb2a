"""The `ETag` of a story."""

from fastapi import Response

from story_service.domain.story import Story


def tag_of(story: Story) -> str:
    """Name the story as shown. Which one is the latest is no part of its version: the next story takes that away."""
    return f"{story.version}-latest" if story.is_latest else str(story.version)


def tag(response: Response, story: Story) -> None:
    """Name the story in the answer."""
    response.headers["ETag"] = f'"{tag_of(story)}"'
