"""What others read of case files (contracts/events): ids and states, no names and no statements."""

from common_events.outbox import Fact
from story_service.domain.cases.events import CaseUpdated, PersonStatusChanged


def case_fact(event: CaseUpdated | PersonStatusChanged) -> Fact:
    """Return the fact that tells of an event."""
    case = event.case
    head = {"case_id": str(case.id), "truth_mode": case.truth_mode, "version": case.version}
    match event:
        case CaseUpdated():
            name, data = "case.updated", head
        case PersonStatusChanged():
            name = "case.person_status_changed"
            data = {**head, "person_id": str(event.person_id), "from": event.before, "to": event.after}
    return Fact(name, str(case.id), case.version, data, case.updated_at, case.owner_id)
