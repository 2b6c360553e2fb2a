"""What others read of the moderation desk (contracts/events): ids, kinds and outcomes."""

from common_events.outbox import Fact
from story_service.domain.desk.events import ModerationCaseOpened, ModerationCaseResolved, UserStruck


def desk_fact(event: ModerationCaseOpened | ModerationCaseResolved | UserStruck) -> Fact:
    """Return the fact that tells of an event."""
    match event:
        case UserStruck():
            struck = {"user_id": str(event.user_id), "strikes": event.strikes, "action": event.action}
            return Fact("user.struck", str(event.user_id), event.strikes, struck, event.at, event.user_id)
        case ModerationCaseOpened():
            name, at, more = "moderation.case_opened", event.case.created_at, {"due_at": event.case.due_at.isoformat()}
        case ModerationCaseResolved():
            assert event.case.resolved_at is not None, "a resolved case has an end"
            name, at, more = "moderation.case_resolved", event.case.resolved_at, {"outcome": event.case.state.value}
    case = event.case
    target = {"type": case.target.type, "id": str(case.target.id)}
    data = {"case_id": str(case.id), "kind": case.kind, "target": target, "version": case.version, **more}
    return Fact(name, str(case.id), case.version, data, at, case.subject)
