"""What may be said of real people: nobody is guilty before a court said so, no child is named, no victim is accused.

Pure rules over words in English. They know the persons of the file and nobody else, and they err on the side of the
person: a sentence that names somebody real with a word of guilt and without one of doubt is refused.
"""

import re
from collections.abc import Iterable, Iterator
from uuid import UUID

from story_service.domain.cases.case_file import CaseFact, CaseFile, LegalStatus, Person, Role, SourceKind
from story_service.domain.cases.errors import (
    ConvictionSourceRequired,
    GuiltNotEstablished,
    MinorMustBeProtected,
    ProtectedPersonNamed,
    RealPersonInFiction,
    ReferenceUnknown,
    SourceRequired,
    VictimNotAccused,
)
from story_service.domain.real_people import is_real_person
from story_service.domain.story import TruthMode

VEIL = "a protected person"
_PROVES_CONVICTION = frozenset({SourceKind.COURT, SourceKind.POLICE, SourceKind.ARCHIVE})
_SENTENCE = re.compile(r"(?<=[.!?\u2026])[\"'\u201d\u2019)\]]*\s+|\n+")
_GUILT = re.compile(
    r"\b(?:murder(?:ed|s|er|ers|ess)?|kill(?:ed|s|er|ers)|slew|slain by|strangled|stabbed|shot|poisoned|drowned"
    r"|suffocated|bludgeoned|raped|rapist|abduct(?:ed|s|or)|kidnapp(?:ed|er)|abused|molested|assaulted|robbed|robber"
    r"|set fire|set the fire|arsonist|stole|thief|embezzled|defrauded|forged|culprit|perpetrator|guilty|guilt"
    r"|committed|did it|was responsible|is responsible|confessed|convicted|conviction|sentenced|took (?:his|her|their)"
    r" (?:own )?lives?|took (?:his|her|their) life|disposed of|hid the body|buried the body)\b",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\b(?:alleged|allegedly|allegations?|accused|accuses?|accusation|charged|charges?|suspect(?:ed|s)?|suspicions?"
    r"|claim(?:ed|s)?|said to|reportedly|according to|whether|if|may have|might have|could have|believed|rumou?red"
    r"|rumou?rs?|denied|denies|acquitted|acquittal|exonerated|cleared|innocent|not guilty|no evidence|unproven"
    r"|never (?:charged|convicted|tried)|wrongly|wrongful|overturned|quashed|(?:was|were|is|did) not"
    r"|(?:did|was|is)n['\u2019]t|nobody|no one|question(?:ed|s)?|tried for|trial)\b",
    re.IGNORECASE,
)


def demand_person_fit(file: CaseFile, person: Person) -> None:
    """Raise what stands against this person in this file."""
    if person.is_minor and not person.protected:
        raise MinorMustBeProtected
    if person.status_source_id is not None and person.status_source_id not in _standing(file):
        raise ReferenceUnknown("source")
    if person.protected and names(f"{file.head.title}\n{file.head.summary}", person):
        raise ProtectedPersonNamed
    if person.role is Role.VICTIM and person.legal_status is not LegalStatus.NONE:
        raise VictimNotAccused
    if file.head.truth_mode is TruthMode.FICTION:
        if person.is_real or is_real_person(person.name, "\n".join(person.names)):
            raise RealPersonInFiction
        return
    is_convicted = person.legal_status is LegalStatus.CONVICTED or person.role is Role.CONVICTED
    if person.is_real and is_convicted and not has_conviction(file, person):
        raise ConvictionSourceRequired


def demand_fact_fit(file: CaseFile, fact: CaseFact) -> None:
    """Raise what stands against this fact in this file."""
    if not {cited.source_id for cited in fact.sources} <= _standing(file):
        raise ReferenceUnknown("source")
    if fact.person_id is not None and fact.person_id not in {person.id for person in file.persons}:
        raise ReferenceUnknown("person")
    if file.head.is_documented and not fact.sources:
        raise SourceRequired
    about = [person for person in file.persons if person.id == fact.person_id]
    if called_guilty(file, fact.statement, about=about):
        raise GuiltNotEstablished


def demand_words_fit(file: CaseFile, text: str) -> None:
    """Raise GuiltNotEstablished, ProtectedPersonNamed for a title or a summary that says too much: lists show both."""
    if any(person.protected and names(text, person) for person in file.persons):
        raise ProtectedPersonNamed
    if called_guilty(file, text):
        raise GuiltNotEstablished


def has_conviction(file: CaseFile, person: Person) -> bool:
    """Tell whether the file shows a conviction that stands, with a source that may say so."""
    if person.legal_status is not LegalStatus.CONVICTED:
        return False
    proofs = {source.id for source in file.sources if source.stands and source.kind in _PROVES_CONVICTION}
    return person.status_source_id in proofs


def called_guilty(file: CaseFile, text: str, *, about: Iterable[Person] = ()) -> tuple[Person, ...]:
    """Return the real people without a conviction whom a sentence of the text calls guilty.

    Who the text is `about` need not be named in it.
    """
    at_risk = [
        one for one in file.persons if one.is_real and one.role is not Role.VICTIM and not has_conviction(file, one)
    ]
    always = set(about)
    found = {
        one.id: one
        for sentence in _sentences(text)
        if _GUILT.search(sentence) and not _DOUBT.search(sentence)
        for one in at_risk
        if one in always or names(sentence, one)
    }
    return tuple(found.values())


def names(text: str, person: Person) -> bool:
    """Tell whether a text names a person: by a whole name, or by the last word of one."""
    return any(_word(name).search(text) for name in (*person.names, *_surnames(person)))


def veiled(text: str, persons: Iterable[Person]) -> str:
    """Return a text in which the protected persons are not named."""
    for person in persons:
        if person.protected:
            for name in (*person.names, *_surnames(person)):
                text = _word(name).sub(VEIL, text)
    return text


def speaks_as_victim(file: CaseFile, text: str) -> bool:
    """Tell whether a text speaks in the first person as a real victim: `I, Ada Quill, ...`, `my name is Ada`."""
    victims = [one for one in file.persons if one.is_real and one.role is Role.VICTIM]
    return any(
        re.search(rf"\b(?:I,? (?:am |was )?|my name (?:is|was) ){re.escape(name)}\b", text)
        for victim in victims
        for name in (*victim.names, *(each.split()[0] for each in victim.names))
    )


def _standing(file: CaseFile) -> set[UUID]:
    return {source.id for source in file.sources if source.stands}


def _sentences(text: str) -> Iterator[str]:
    return (sentence for sentence in _SENTENCE.split(text) if sentence)


def _surnames(person: Person) -> Iterator[str]:
    return (name.split()[-1] for name in person.names if len(name.split()) > 1)


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
