"""Every refusal of the moderation desk and its face."""

from common_service.problems import Problem
from story_service.domain.desk import errors

DESK_PROBLEMS: dict[type[Exception], Problem] = {
    errors.TargetUnknown: Problem(404, "not_found"),
    errors.AlreadyReported: Problem(409, "already_reported"),
    errors.NotHuman: Problem(422, "captcha_failed"),
    errors.ModerationCaseUnknown: Problem(404, "not_found"),
    errors.AlreadyResolved: Problem(409, "already_resolved"),
    errors.AlreadyAssigned: Problem(409, "already_assigned"),
    errors.NotAssigned: Problem(409, "not_assigned"),
    errors.SameReviewer: Problem(409, "same_reviewer"),
    errors.VerdictUnfit: Problem(422, "verdict_unfit"),
    errors.ReasonRequired: Problem(422, "reason_required"),
    errors.DecisionUnknown: Problem(404, "not_found"),
    errors.AlreadyAppealed: Problem(409, "already_appealed"),
    errors.WindowClosed: Problem(410, "window_closed"),
}
