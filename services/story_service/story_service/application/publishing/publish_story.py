"""Shows a reader's story to others, and takes it back."""

from dataclasses import dataclass

from story_service.application.catalog.listing import list_story
from story_service.application.own_story import demand_unwritten, own_story
from story_service.application.ports import Clock, StartWork, Subscriptions
from story_service.application.publishing.admit_text import AdmitText
from story_service.domain.access import Access
from story_service.domain.events import StoryPublished, StoryUnpublished
from story_service.domain.ids import StoryId, UserId
from story_service.domain.moderation import Decision
from story_service.domain.publishing.publishing import (
    Visibility,
    demand_publishable,
    demand_room_to_publish,
    is_shown_as,
    published,
    withdrawn,
)
from story_service.domain.story import PublishState, Story

BY_READER, DELETED = "withdrawn", "deleted"


@dataclass(frozen=True, slots=True)
class PublishStory:
    """The text that is shown is the text that was judged: whoever changes it meanwhile has to ask again."""

    start_work: StartWork
    subscriptions: Subscriptions
    admit: AdmitText
    now: Clock

    async def __call__(self, user_id: UserId, story_id: StoryId, visibility: Visibility) -> Story:
        """Raise StoryUnknown, StoryNotReady, StoryBeingWritten, PublishBlocked, ModerationUnavailable, VersionConflict,

        SubscriptionRequired, PublishLimitReached. What is shown so already stays as it is.
        """
        async with self.start_work() as work:
            story = await own_story(work, user_id, story_id)
            pinned = await work.stories.pinned_of(user_id)
        if is_shown_as(story, visibility):
            return story
        demand_publishable(story)
        access = await self.subscriptions.access(user_id)
        demand_room_to_publish(access, story, pinned)
        return await self._show(story, visibility, access, await self.admit(story))

    async def withdraw(self, user_id: UserId, story_id: StoryId) -> Story:
        """Raise StoryUnknown, StoryNotPublished. What is withdrawn already stays as it is."""
        async with self.start_work() as work:
            await work.usage.lock(user_id)
            story = await own_story(work, user_id, story_id, lock=True)
            if story.publish_state is PublishState.WITHDRAWN:
                return story
            hidden = withdrawn(story, self.now())
            await work.stories.keep(hidden)
            await list_story(work, hidden)
            await work.tell(StoryUnpublished(hidden, BY_READER))
            await work.commit()
        return hidden

    async def _show(self, judged: Story, visibility: Visibility, access: Access, decision: Decision) -> Story:
        async with self.start_work() as work:
            await work.usage.lock(judged.user_id)
            story = await own_story(work, judged.user_id, judged.id, lock=True)
            if is_shown_as(story, visibility):
                return story
            story.demand_version(judged.version)
            await demand_unwritten(work, story)
            demand_publishable(story)
            demand_room_to_publish(access, story, await work.stories.pinned_of(story.user_id))
            shown = published(story, visibility, self.now())
            await work.stories.keep(shown)
            await list_story(work, shown)
            await work.library.open_counter(shown.id, self.now())
            await work.record(decision)
            await work.tell(StoryPublished(shown))
            await work.commit()
        return shown
