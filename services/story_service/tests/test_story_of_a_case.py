"""A story of a case: what the model is told, which label fits, and what a copy rests on."""

from dataclasses import replace
from uuid import UUID

import pytest

from services.story_service.tests.a_case import a_fact, a_file, a_source
from services.story_service.tests.memory import MemoryDatabase
from services.story_service.tests.worlds import NOON, OTHER, READER, World
from story_service.application.attempts import AttemptKey
from story_service.application.generate_story import Ask
from story_service.domain.access import Limit
from story_service.domain.cases.case_file import CaseFile
from story_service.domain.cases.errors import CaseUnknown, TruthModeUnfit
from story_service.domain.character import Visibility
from story_service.domain.errors import PublishBlocked
from story_service.domain.ids import StoryId
from story_service.domain.library import LibraryStory
from story_service.domain.publishing.publishing import Visibility as PublishedAs
from story_service.domain.publishing.publishing import clone
from story_service.domain.story import Length, Origin, StoryRequest, TruthMode

pytestmark = pytest.mark.anyio
COURT = a_source(1)
FILE = a_file(sources=(COURT,), facts=(a_fact("The warehouse burned.", COURT),))


def world_with(file: CaseFile) -> tuple[World, MemoryDatabase]:
    database = MemoryDatabase()
    database.tables.case_files[file.head.id] = file
    return World(database.work), database


def a_request(case_id: UUID | None, truth_mode: TruthMode = TruthMode.DOCUMENTED) -> StoryRequest:
    return StoryRequest("Tell of the fire", truth_mode, Length.SHORT, case_id=case_id)


async def test_the_model_is_told_the_facts_with_numbered_sources_and_the_story_keeps_its_case() -> None:
    world, database = world_with(FILE)
    accepted = await world.use.generate(Ask(READER, a_request(FILE.head.id)), AttemptKey("k", b"d"))
    await world.ended(accepted.generation)
    told = world.writer.asked[0][1]
    system = str(told)
    assert "- The warehouse burned. [1]" in system
    assert "[1] court: Source 1" in system
    story = database.tables.stories[accepted.story.id]
    assert (story.case_id, story.label) == (FILE.head.id, "AI-generated from a documented case")


async def test_whose_case_is_private_tells_of_it_to_nobody_else() -> None:
    world, _ = world_with(FILE)
    with pytest.raises(CaseUnknown):
        await world.use.generate(Ask(OTHER, a_request(FILE.head.id)), AttemptKey("k", b"d"))
    public = replace(FILE, head=replace(FILE.head, visibility=Visibility.PUBLIC))
    world, _ = world_with(public)
    accepted = await world.use.generate(Ask(OTHER, a_request(FILE.head.id)), AttemptKey("k", b"d"))
    await world.ended(accepted.generation)


@pytest.mark.parametrize(
    ("of_case", "wanted", "fits"),
    [
        (TruthMode.DOCUMENTED, TruthMode.DOCUMENTED, True),
        (TruthMode.DOCUMENTED, TruthMode.INSPIRED, True),
        (TruthMode.DOCUMENTED, TruthMode.FICTION, False),
        (TruthMode.INSPIRED, TruthMode.DOCUMENTED, False),
        (TruthMode.INSPIRED, TruthMode.INSPIRED, True),
        (TruthMode.FICTION, TruthMode.INSPIRED, False),
        (TruthMode.FICTION, TruthMode.FICTION, True),
        (None, TruthMode.DOCUMENTED, False),
    ],
)
async def test_a_label_fits_the_case(of_case: TruthMode | None, wanted: TruthMode, *, fits: bool) -> None:
    file = a_file(of_case or TruthMode.FICTION)
    world, _ = world_with(file)
    ask = Ask(READER, a_request(file.head.id if of_case else None, wanted))
    if fits:
        await world.ended((await world.use.generate(ask, AttemptKey("k", b"d"))).generation)
        return
    with pytest.raises(TruthModeUnfit):
        await world.use.generate(ask, AttemptKey("k", b"d"))


async def test_a_documented_story_with_a_claim_without_a_source_is_not_published() -> None:
    world, database = world_with(FILE)
    world.subscriptions.plan = replace(
        world.subscriptions.plan,
        limits={**world.subscriptions.plan.limits, "stories.published": Limit(5, "total")},
    )
    accepted = await world.use.generate(Ask(READER, a_request(FILE.head.id)), AttemptKey("k", b"d"))
    await world.ended(accepted.generation)
    story = database.tables.stories[accepted.story.id]
    database.tables.stories[story.id] = replace(story, body="The court sat in 1913 [1]. Nine men came.")
    assert (await world.use.publish(READER, story.id, PublishedAs.PUBLIC)).is_shown
    unsupported = replace(story, body="The court sat in 1913 [1]. The police found 9 men.")
    database.tables.stories[story.id] = unsupported
    asked = len(world.moderator.asked)
    with pytest.raises(PublishBlocked) as refusal:
        await world.use.publish(READER, story.id, PublishedAs.PUBLIC)
    assert refusal.value.reasons == ["uncited_claims"]
    assert len(world.moderator.asked) == asked, "a rule needs no model"


def test_a_copy_rests_on_the_same_case() -> None:
    source = LibraryStory(
        StoryId(FILE.head.id),
        OTHER,
        Origin.GENERATED,
        "A story",
        "",
        TruthMode.DOCUMENTED,
        "en",
        1,
        NOON,
        case_id=FILE.head.id,
    )
    assert clone(source, StoryId(COURT.id), READER, NOON).case_id == FILE.head.id
