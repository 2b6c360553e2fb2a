"""Showing a story to others: what must hold before, and how many a plan keeps for somebody."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from story_service.domain.access import Access
from story_service.domain.errors import (
    PublishBlocked,
    PublishLimitReached,
    RetentionLimitReached,
    StoryNotPublished,
    SubscriptionRequired,
)
from story_service.domain.ids import StoryId, UserId
from story_service.domain.library import LibraryStory, synopsis_of
from story_service.domain.moderation import Verdict
from story_service.domain.story import Moderation, Origin, PublishState, Source, Story, StoryState

PUBLISHED = "stories.published"
_PIECE, _OVERLAP = 8000, 200


class Visibility(StrEnum):
    """Whom a published story is shown to."""

    PUBLIC = "public"
    UNLISTED = "unlisted"


_STATES = {Visibility.PUBLIC: PublishState.PUBLISHED, Visibility.UNLISTED: PublishState.UNLISTED}
_STANDING = {Moderation.FLAGGED: "under_review", Moderation.BLOCKED: "blocked_by_moderator"}


def is_shown_as(story: Story, visibility: Visibility) -> bool:
    """Tell whether there is nothing to do."""
    return story.publish_state is _STATES[visibility]


def visibility_of(story: Story) -> Visibility:
    """Return whom a shown story is shown to."""
    return Visibility.PUBLIC if story.publish_state is PublishState.PUBLISHED else Visibility.UNLISTED


def demand_publishable(story: Story) -> None:
    """Raise StoryNotReady; PublishBlocked for a story whose fate a person decides or has decided."""
    story.demand_ready()
    if story.moderation in _STANDING:
        raise PublishBlocked((_STANDING[story.moderation],))


def published(story: Story, visibility: Visibility, now: datetime) -> Story:
    """Return it as others will read it, its whole text approved. Who only moves it off the shelf keeps its day."""
    return replace(
        story,
        publish_state=_STATES[visibility],
        moderation=Moderation.APPROVED,
        published_at=story.published_at if story.is_shown else now,
        synopsis=synopsis_of(story.body),
        version=story.version + 1,
        updated_at=now,
    )


def withdrawn(story: Story, now: datetime) -> Story:
    """Return it as its owner's alone. Raises StoryNotPublished for one that never was anything else."""
    if not story.is_shown:
        raise StoryNotPublished
    return replace(story, publish_state=PublishState.WITHDRAWN, version=story.version + 1, updated_at=now)


def clone(source: LibraryStory, clone_id: StoryId, user_id: UserId, now: datetime) -> Story:
    """Return a reader's own copy. What the source was judged to be, and its label, hold for the same words."""
    return Story(
        id=clone_id,
        user_id=user_id,
        generation_id=None,
        truth_mode=source.truth_mode,
        created_at=now,
        updated_at=now,
        state=StoryState.READY,
        title=source.title,
        body=source.body,
        moderation=Moderation.APPROVED,
        origin=Origin.CLONED,
        source=Source(source.id, source.title),
        synopsis=source.synopsis,
        language=source.language,
        case_id=source.case_id,
    )


def is_pinned(story: Story) -> bool:
    """Tell whether retention leaves a story alone, because its reader published or cloned it."""
    return story.is_shown or story.origin is Origin.CLONED


def demand_room_to_publish(access: Access, story: Story, pinned: int) -> None:
    """Raise SubscriptionRequired where the plan has none, PublishLimitReached where all are taken."""
    limit, others = access.limit(PUBLISHED).amount, pinned - is_pinned(story)
    if limit == 0:
        raise SubscriptionRequired(access.plans_on_offer)
    if limit is not None and others >= limit:
        raise PublishLimitReached(limit, others, access.plans_on_offer)


def demand_room_to_clone(access: Access, pinned: int) -> None:
    """Raise SubscriptionRequired where the plan has none, RetentionLimitReached where all are taken."""
    limit = access.limit(PUBLISHED).amount
    if limit == 0:
        raise SubscriptionRequired(access.plans_on_offer)
    if limit is not None and pinned >= limit:
        raise RetentionLimitReached(limit, pinned)


def pieces(title: str, body: str) -> list[str]:
    """Cut a text as a moderator takes it; pieces overlap, so that nothing hides across a cut."""
    text = f"{title}\n\n{body}"
    return [text[max(0, at - _OVERLAP) : at + _PIECE] for at in range(0, len(text), _PIECE)]


def together(verdicts: list[Verdict]) -> Verdict:
    """Return the verdict on a whole from those on its pieces."""
    categories: dict[str, int] = {}
    for verdict in verdicts:
        for name, score in verdict.categories.items():
            categories[name] = max(score, categories.get(name, 0))
    return Verdict(tuple(sorted({reason for verdict in verdicts for reason in verdict.reasons})), categories)
