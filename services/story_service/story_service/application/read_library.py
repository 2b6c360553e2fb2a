"""The library's shelf and its stories: the text for whoever may read it, the beginning for everybody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from story_service.application.ports import Clock, StartWork, Subscriptions
from story_service.domain.errors import StoryUnknown
from story_service.domain.ids import StoryId, UserId
from story_service.domain.library import FULL_TEXT, LibraryStory, Position, Shelf

_FORGOTTEN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """A story as this reader may have it. `plans` lead to the text where it is locked."""

    story: LibraryStory
    is_whole: bool
    plans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadLibrary:
    """Reads; a reader's first view of a day is counted in the same transaction."""

    start_work: StartWork
    subscriptions: Subscriptions
    now: Clock

    async def page(self, shelf: Shelf, *, after: Position | None, most: int) -> Sequence[LibraryStory]:
        """Return stories without their text."""
        async with self.start_work() as work:
            return await work.library.page(shelf, after=after, most=most)

    async def one(self, user_id: UserId, story_id: StoryId) -> Reading:
        """Count a view of whoever gets the text. Raises StoryUnknown; AccessUnavailable comes from the gate."""
        access, now = await self.subscriptions.access(user_id), self.now()
        async with self.start_work() as work:
            found = await work.library.find(story_id, user_id, now.date())
            if found is None:
                raise StoryUnknown
            story = found.story
            if story.author_id != user_id and not access.allows(FULL_TEXT):
                return Reading(story, is_whole=False, plans=access.plans_on_offer)
            if not found.is_seen:
                views = await work.library.view(story_id, user_id, now)
                await work.commit()
                story = replace(story, views=story.views if views is None else views)
        return Reading(story, is_whole=True)


@dataclass(frozen=True, slots=True)
class ForgetViewers:
    """Removes who has read what, as soon as the day is over for which it is needed."""

    start_work: StartWork
    now: Clock

    async def __call__(self) -> bool:
        """Return whether there may be more."""
        async with self.start_work() as work:
            gone = await work.library.forget_viewers((self.now() - timedelta(days=1)).date(), _FORGOTTEN_AT_ONCE)
            await work.commit()
        return gone == _FORGOTTEN_AT_ONCE
