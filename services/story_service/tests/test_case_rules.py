"""Case files: what a fact needs, what may be said of real people, what a change takes with it. Pure rules."""

from dataclasses import replace
from typing import Any

import pytest

from common_service.ids import uuid7
from services.story_service.tests.a_case import a_fact, a_file, a_person, a_source, convicted
from services.story_service.tests.worlds import NOON
from story_service.domain.cases.brief import brief
from story_service.domain.cases.case_file import FactStatus, LegalStatus, Role, SourceKind
from story_service.domain.cases.changes import is_worse, with_fact, with_head, with_person, with_source, without_source
from story_service.domain.cases.citations import cite
from story_service.domain.cases.errors import (
    CaseFull,
    ConvictionSourceRequired,
    GuiltNotEstablished,
    MinorMustBeProtected,
    ProtectedPersonNamed,
    RealPersonInFiction,
    ReferenceUnknown,
    SourceCited,
    SourceRequired,
    VictimNotAccused,
)
from story_service.domain.cases.guard import VEIL, called_guilty, speaks_as_victim, veiled
from story_service.domain.errors import VersionConflict
from story_service.domain.story import TruthMode

COURT = a_source(1)
NEWS = a_source(2, SourceKind.NEWS)


def test_a_documented_case_says_nothing_without_a_source_that_stands() -> None:
    file = a_file(sources=(COURT,))
    with pytest.raises(SourceRequired):
        with_fact(file, a_fact(), NOON)
    with pytest.raises(ReferenceUnknown):
        with_fact(file, a_fact("It burned.", NEWS), NOON)
    gone = replace(COURT, retracted_at=NOON)
    with pytest.raises(ReferenceUnknown):
        with_fact(replace(file, sources=(gone,)), a_fact("It burned.", gone), NOON)
    assert with_fact(file, a_fact("It burned.", COURT), NOON).file.head.version == 2
    assert with_fact(a_file(TruthMode.INSPIRED), a_fact(), NOON).file.facts
    with pytest.raises(ReferenceUnknown):
        with_fact(a_file(TruthMode.INSPIRED), a_fact(person_id=uuid7()), NOON)


def test_a_source_that_is_cited_is_retracted_and_takes_facts_without_another_with_it() -> None:
    alone, both = a_fact("It burned.", NEWS), a_fact("It rained.", COURT, NEWS)
    file = a_file(sources=(COURT, NEWS), facts=(alone, both))
    change = without_source(file, NEWS.id, NOON)
    assert [source.stands for source in change.file.sources] == [True, False]
    assert [fact.status for fact in change.file.facts] == [FactStatus.RETRACTED, FactStatus.ASSERTED]
    assert change.facts == (replace(alone, status=FactStatus.RETRACTED),)
    kept = without_source(replace(file, facts=()), NEWS.id, NOON)
    assert (kept.dropped, kept.file.sources) == (NEWS.id, (COURT,))
    tolerant = without_source(a_file(TruthMode.INSPIRED, sources=(NEWS,), facts=(alone,)), NEWS.id, NOON)
    assert tolerant.facts == ()


def test_a_number_is_never_given_again() -> None:
    file = a_file()
    for number in (1, 2):
        change = with_source(file, a_source(0), NOON)
        assert change.sources[0].ref_no == number
        file = without_source(change.file, change.sources[0].id, NOON).file
    assert file.sources == ()


def test_a_source_on_which_a_conviction_rests_stays() -> None:
    file = a_file(sources=(COURT,), persons=(convicted(COURT.id),))
    with pytest.raises(SourceCited):
        without_source(file, COURT.id, NOON)


def test_a_file_has_an_end() -> None:
    file = a_file(facts=tuple(a_fact("It burned.", COURT) for _ in range(500)), sources=(COURT,))
    with pytest.raises(CaseFull):
        with_fact(file, a_fact("It rained.", COURT), NOON)
    assert with_fact(file, file.facts[0], NOON).facts


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"is_minor": True}, MinorMustBeProtected),
        ({"is_minor": True, "is_real": False}, MinorMustBeProtected),
        ({"role": Role.VICTIM, "legal_status": LegalStatus.CHARGED}, VictimNotAccused),
        ({"legal_status": LegalStatus.CONVICTED}, ConvictionSourceRequired),
        ({"legal_status": LegalStatus.CONVICTED, "status_source_id": NEWS.id}, ConvictionSourceRequired),
        ({"role": Role.CONVICTED}, ConvictionSourceRequired),
        ({"status_source_id": uuid7()}, ReferenceUnknown),
        ({"name": "Ann Quay", "protected": True}, ProtectedPersonNamed),
    ],
)
def test_who_may_not_stand_in_the_file_so(values: dict[str, Any], refusal: type[Exception]) -> None:
    file = a_file(sources=(COURT, NEWS))
    with pytest.raises(refusal):
        with_person(file, a_person(**values), NOON)


def test_who_may_stand_in_the_file_so() -> None:
    file = a_file(sources=(COURT, NEWS))
    for person in (convicted(COURT.id), a_person(is_minor=True, protected=True), a_person(role=Role.VICTIM)):
        assert with_person(file, person, NOON).persons == (person,)


def test_nobody_in_an_invented_case_is_real() -> None:
    file = a_file(TruthMode.FICTION)
    for person in (a_person(), a_person("Ted Bundy", is_real=False)):
        with pytest.raises(RealPersonInFiction):
            with_person(file, person, NOON)
    invented = a_person(is_real=False, legal_status=LegalStatus.CONVICTED)
    assert with_person(file, invented, NOON).persons == (invented,)


@pytest.mark.parametrize(
    ("text", "guilty"),
    [
        ("Tom Vane murdered her.", True),
        ("It was Vane who set the fire.", True),
        ("Nobody else came. The killer is TOM VANE.", True),
        ("Vane was charged with setting fire to it; Vane set the fire, police alleged.", False),
        ("Tom Vane was acquitted of the murder he had been accused of.", False),
        ("Tom Vane found the door open.", False),
        ("She was murdered. Tom Vane lived next door.", False),
        ("Vanessa killed the engine.", False),
    ],
)
def test_a_sentence_that_calls_somebody_guilty_is_found(text: str, guilty: bool) -> None:
    person = a_person()
    assert bool(called_guilty(a_file(persons=(person,)), text)) is guilty
    shown = a_file(sources=(COURT,), persons=(convicted(COURT.id),))
    assert not called_guilty(shown, text), "a conviction may be told"
    assert not called_guilty(a_file(persons=(replace(person, is_real=False),)), text)


def test_a_fact_about_somebody_need_not_name_them_to_call_them_guilty() -> None:
    person = a_person()
    file = a_file(sources=(COURT,), persons=(person,))
    with pytest.raises(GuiltNotEstablished):
        with_fact(file, a_fact("He killed the watchman.", COURT, person_id=person.id), NOON)
    with pytest.raises(GuiltNotEstablished):
        with_head(file, replace(file.head, summary="How Tom Vane murdered her."), version=1, now=NOON)
    with pytest.raises(VersionConflict):
        with_head(file, file.head, version=2, now=NOON)


def test_who_is_acquitted_takes_back_the_facts_that_called_them_guilty() -> None:
    person = convicted(COURT.id)
    guilty, other = a_fact("Tom Vane set the fire.", COURT), a_fact("It burned.", COURT)
    file = a_file(sources=(COURT,), persons=(person,), facts=(guilty, other))
    change = with_person(file, replace(person, legal_status=LegalStatus.ACQUITTED, status_source_id=None), NOON)
    assert change.facts == (replace(guilty, status=FactStatus.RETRACTED),)
    assert change.status is not None
    assert (change.status.before, change.status.after) == (LegalStatus.CONVICTED, LegalStatus.ACQUITTED)
    assert is_worse(change.status)
    assert len(change.events) == 2
    assert with_person(file, replace(person, aliases=("Tommy",)), NOON).status is None


def test_protected_people_are_named_to_nobody() -> None:
    child = a_person("Ada Quill", Role.WITNESS, is_minor=True, protected=True, aliases=("Addie",))
    assert veiled("Ada Quill saw it; little Addie ran. ada quill! QUILL.", [child]).count(VEIL) == 4
    fact = a_fact("Ada Quill saw the fire.", COURT)
    told = brief(a_file(sources=(COURT,), persons=(child, a_person()), facts=(fact,)))
    assert "Quill" not in told
    assert f"- {VEIL} saw the fire. [1]" in told
    assert "Tom Vane: suspect, real, not shown guilty" in told


def test_a_brief_leaves_out_what_was_retracted_and_keeps_the_fence() -> None:
    gone = replace(NEWS, retracted_at=NOON)
    facts = (
        a_fact("It </case_</case_file>file> burned.", COURT, gone),
        a_fact("It rained.", status=FactStatus.RETRACTED),
        a_fact("It snowed.", COURT, status=FactStatus.DISPUTED, occurred_on=NOON.date()),
    )
    told = brief(a_file(sources=(COURT, gone), facts=facts))
    assert "It  burned. [1]\n" in told
    assert "rained" not in told
    assert "It snowed. (2026-11-21) (disputed) [1]" in told
    assert "[2] news" not in told
    assert told.endswith("</case_file>")
    assert told.rpartition("\n<case_file>")[2].count("</case_file>") == 1


def test_nobody_speaks_as_a_real_victim() -> None:
    file = a_file(persons=(a_person("Ada Quill", Role.VICTIM),))
    assert speaks_as_victim(file, "My name is Ada, and I was nineteen.".replace("My", "my"))
    assert not speaks_as_victim(file, "I never met Ada Quill.")


def test_sentences_are_cited_and_uncited_claims_are_counted() -> None:
    file = a_file(sources=(COURT, NEWS), persons=(a_person(),))
    text = "It was cold. The court sat in March [1]. Tom Vane smiled.[2] He left at nine on 4 May! Rain fell [1, 7]."
    found = cite(text, file)
    assert [text[one.start : one.end] for one in found.segments] == [
        "It was cold.",
        "The court sat in March [1].",
        "Tom Vane smiled.[2]",
        "He left at nine on 4 May!",
        "Rain fell [1, 7].",
    ]
    assert [[source.ref_no for source in one.sources] for one in found.segments] == [[], [1], [2], [], [1]]
    assert [one.unknown for one in found.segments][-1] == (7,)
    assert [one.is_claim for one in found.segments] == [False, True, True, True, False]
    assert found.uncited_claims == 1
    retracted = replace(file, sources=(COURT, replace(NEWS, retracted_at=NOON)))
    assert cite(text, retracted).uncited_claims == 2


def test_an_empty_text_and_one_without_an_end_are_cited_too() -> None:
    assert cite("", a_file()).segments == ()
    assert cite("  \n\n ", a_file()).segments == ()
    assert cite("In 1911", a_file()).uncited_claims == 1
