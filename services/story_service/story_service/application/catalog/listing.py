"""What of the service's own things everybody may find."""

from datetime import datetime
from uuid import UUID

from story_service.application.cases.ports import CaseWork
from story_service.application.ports import Work
from story_service.domain.cases.case_file import CaseHead
from story_service.domain.catalog.entry import CatalogEntry, EntryType
from story_service.domain.character import Character, Visibility
from story_service.domain.ids import CharacterId
from story_service.domain.library import HouseStory
from story_service.domain.story import PublishState, Story

_FOUND = (Visibility.PUBLIC, Visibility.HOUSE)


async def list_character(work: Work, character: Character, now: datetime) -> None:
    """List a character that everybody may meet; any other one is listed no more."""
    if character.visibility in _FOUND and character.approved:
        persona = character.persona
        await work.catalog.put(CatalogEntry(EntryType.CHARACTER, character.id, persona.name, persona.role), now)
    else:
        await work.catalog.remove(EntryType.CHARACTER, character.id, now)


async def list_story(work: Work, story: Story) -> None:
    """List a story that is on the shelf; any other one is listed no more."""
    if story.publish_state is PublishState.PUBLISHED and story.deleted_at is None:
        entry = CatalogEntry(
            EntryType.STORY,
            story.id,
            story.title,
            story.synopsis,
            truth_mode=story.truth_mode,
            language=story.language,
        )
        await work.catalog.put(entry, story.updated_at)
    else:
        await work.catalog.remove(EntryType.STORY, story.id, story.updated_at)


async def list_case(work: Work, case: CaseHead) -> None:
    """List a case that everybody may read; any other one is listed no more."""
    if case.visibility in _FOUND and case.approved:
        entry = CatalogEntry(
            EntryType.CASE, case.id, case.title, case.summary, truth_mode=case.truth_mode, language=case.language
        )
        await work.catalog.put(entry, case.updated_at)
    else:
        await work.catalog.remove(EntryType.CASE, case.id, case.updated_at)


async def list_house_story(work: Work, story: HouseStory, now: datetime) -> None:
    """List a story that was just published."""
    entry = CatalogEntry(EntryType.STORY, story.id, story.title, story.synopsis, truth_mode=story.truth_mode)
    await work.catalog.put(entry, now)


async def unlist(work: Work, target_type: str, target_id: UUID, now: datetime) -> None:
    """List no more what somebody has blocked; other things than entries of the catalog are blocked, too."""
    if target_type in set(EntryType):
        await work.catalog.remove(EntryType(target_type), target_id, now)


async def relist(work: CaseWork, target_type: str, target_id: UUID, now: datetime) -> None:
    """List again what is blocked no more. A story is not: it was withdrawn, and its author may publish it."""
    if target_type == EntryType.CHARACTER and (character := await work.characters.find(CharacterId(target_id))):
        await list_character(work, character, now)
    if target_type == EntryType.CASE and (file := await work.cases.find(target_id)):
        await list_case(work, file.head)
