"""Every refusal of case files and its face."""

from common_service.problems import Problem
from story_service.domain.cases import errors

CASE_PROBLEMS: dict[type[Exception], Problem] = {
    errors.CaseUnknown: Problem(404, "not_found"),
    errors.SourceUnknown: Problem(404, "not_found"),
    errors.PersonUnknown: Problem(404, "not_found"),
    errors.FactUnknown: Problem(404, "not_found"),
    errors.ReferenceUnknown: Problem(422, "reference_unknown"),
    errors.SourceRequired: Problem(422, "source_required"),
    errors.SourceCited: Problem(409, "source_cited"),
    errors.ConvictionSourceRequired: Problem(422, "conviction_source_required"),
    errors.GuiltNotEstablished: Problem(422, "guilt_not_established"),
    errors.MinorMustBeProtected: Problem(422, "minor_must_be_protected"),
    errors.ProtectedPersonNamed: Problem(422, "protected_person_named"),
    errors.VictimNotAccused: Problem(422, "victim_not_accused"),
    errors.RealPersonInFiction: Problem(422, "real_person_refused"),
    errors.TruthModeUnfit: Problem(422, "truth_mode_unfit"),
    errors.CaseFull: Problem(409, "case_full"),
    errors.CaseHasPublishedStories: Problem(409, "published_stories"),
}
