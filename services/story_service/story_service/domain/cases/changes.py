"""Changes of a case file, as pure functions: each gives the file after it and the parts that were touched."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from story_service.domain.cases.case_file import (
    MOST_FACTS,
    MOST_PERSONS,
    MOST_SOURCES,
    CaseFact,
    CaseFile,
    CaseHead,
    FactStatus,
    LegalStatus,
    Person,
    Source,
)
from story_service.domain.cases.errors import SourceCited
from story_service.domain.cases.events import CaseUpdated, PersonStatusChanged
from story_service.domain.cases.guard import called_guilty, demand_fact_fit, demand_person_fit, demand_words_fit

_Part = TypeVar("_Part", Source, Person, CaseFact)


@dataclass(frozen=True, slots=True)
class Change:
    """A file after a change, and what of it is to be written."""

    file: CaseFile
    sources: tuple[Source, ...] = ()
    dropped: UUID | None = None
    persons: tuple[Person, ...] = ()
    facts: tuple[CaseFact, ...] = ()
    status: PersonStatusChanged | None = None

    @property
    def events(self) -> tuple[CaseUpdated | PersonStatusChanged, ...]:
        """What others hear of it."""
        updated = CaseUpdated(self.file.head)
        return (updated, self.status) if self.status else (updated,)


def with_head(file: CaseFile, wanted: CaseHead, *, version: int, now: datetime) -> Change:
    """Change title, summary and what stands beside them. Raises VersionConflict, GuiltNotEstablished."""
    file.demand_version(version)
    demand_words_fit(file, f"{wanted.title}\n{wanted.summary}")
    return Change(replace(file, head=replace(wanted, version=version).changed(now)))


def with_source(file: CaseFile, source: Source, now: datetime) -> Change:
    """Add a source under the next number. Raises CaseFull."""
    file.demand_room(file.head.last_ref_no, MOST_SOURCES)
    numbered = replace(source, ref_no=file.head.last_ref_no + 1)
    head = replace(file.head.changed(now), last_ref_no=numbered.ref_no)
    return Change(replace(file, head=head, sources=(*file.sources, numbered)), sources=(numbered,))


def without_source(file: CaseFile, source_id: UUID, now: datetime) -> Change:
    """Take a source out: one that was cited is retracted, and so is every fact that has no other in a documented case.

    Raises SourceUnknown; SourceCited where somebody's conviction rests on it.
    """
    source = file.source(source_id)
    if any(one.status_source_id == source_id for one in file.persons):
        raise SourceCited
    cited = tuple(file.citing(source_id))
    head = file.head.changed(now)
    if not cited:
        rest = tuple(one for one in file.sources if one.id != source_id)
        return Change(replace(file, head=head, sources=rest), dropped=source_id)
    retracted = replace(source, retracted_at=source.retracted_at or now)
    after = replace(file, head=head, sources=_put(file.sources, retracted))
    unfounded = tuple(replace(fact, status=FactStatus.RETRACTED) for fact in cited if not _is_founded(after, fact))
    return Change(replace(after, facts=_put(after.facts, *unfounded)), sources=(retracted,), facts=unfounded)


def with_person(file: CaseFile, person: Person, now: datetime) -> Change:
    """Add a person or write one back; facts that call somebody guilty who is not any more are retracted.

    Raises CaseFull, ReferenceUnknown, and what the guard raises of a person.
    """
    before = next((one for one in file.persons if one.id == person.id), None)
    if before is None:
        file.demand_room(len(file.persons), MOST_PERSONS)
    demand_person_fit(file, person)
    head = file.head.changed(now)
    after = replace(file, head=head, persons=_put(file.persons, person))
    outrun = tuple(
        replace(fact, status=FactStatus.RETRACTED) for fact in after.standing_facts if _calls_guilty(after, fact)
    )
    after = replace(after, facts=_put(after.facts, *outrun))
    status = None
    if before is not None and before.legal_status is not person.legal_status:
        status = PersonStatusChanged(head, person.id, before.legal_status, person.legal_status)
    return Change(after, persons=(person,), facts=outrun, status=status)


def with_fact(file: CaseFile, fact: CaseFact, now: datetime) -> Change:
    """Add a fact or write one back. Raises CaseFull, and what the guard raises of a fact; a retracted one is free."""
    if all(one.id != fact.id for one in file.facts):
        file.demand_room(len(file.facts), MOST_FACTS)
    if fact.status is not FactStatus.RETRACTED:
        demand_fact_fit(file, fact)
    head = file.head.changed(now)
    return Change(replace(file, head=head, facts=_put(file.facts, fact)), facts=(fact,))


def is_worse(event: PersonStatusChanged) -> bool:
    """Tell whether texts that were right before may wrong somebody now: a conviction does not stand any more."""
    return event.before is LegalStatus.CONVICTED or event.after in {LegalStatus.ACQUITTED, LegalStatus.EXONERATED}


def _is_founded(file: CaseFile, fact: CaseFact) -> bool:
    standing = {source.id for source in file.sources if source.stands}
    return not file.head.is_documented or any(cited.source_id in standing for cited in fact.sources)


def _calls_guilty(file: CaseFile, fact: CaseFact) -> bool:
    about = [person for person in file.persons if person.id == fact.person_id]
    return bool(called_guilty(file, fact.statement, about=about))


def _put(parts: tuple[_Part, ...], *changed: _Part) -> tuple[_Part, ...]:
    """Return the parts with these in their places; new ones come last."""
    by_id: dict[UUID, _Part] = {part.id: part for part in parts}
    by_id.update({part.id: part for part in changed})
    return tuple(by_id.values())
