"""What a file has against a text that rests on it: asked before it is published, and again when the law says else."""

from story_service.domain.cases.case_file import CaseFile
from story_service.domain.cases.citations import cite
from story_service.domain.cases.guard import called_guilty, names, speaks_as_victim
from story_service.domain.story import TruthMode

GUILT, PROTECTED, VICTIM, UNCITED = "guilt_asserted", "protected_person_named", "victim_first_person", "uncited_claims"


def objections(file: CaseFile, text: str, truth_mode: TruthMode) -> tuple[str, ...]:
    """Return the codes of all that speaks against showing the text to others; a documented one needs its sources."""
    found = []
    if called_guilty(file, text):
        found.append(GUILT)
    if any(person.protected and names(text, person) for person in file.persons):
        found.append(PROTECTED)
    if speaks_as_victim(file, text):
        found.append(VICTIM)
    if truth_mode is TruthMode.DOCUMENTED and cite(text, file).uncited_claims:
        found.append(UNCITED)
    return tuple(found)
