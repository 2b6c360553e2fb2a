"""Every refusal and its face."""

from common_auth.errors import AUTH_PROBLEMS
from common_events.dead_letter_routes import DEAD_LETTER_PROBLEMS
from common_service.problems import Problem, ProblemTable
from user_service.domain.errors import (
    EmailInUse,
    IdentityProviderUnavailable,
    IdTokenInvalid,
    NotProvisioned,
    OwnAccount,
    UnknownUser,
    UntilInPast,
    UserLeaving,
    VersionConflict,
)

PROBLEMS = {
    NotProvisioned: Problem(404, "not_provisioned"),
    UnknownUser: Problem(404, "not_found"),
    EmailInUse: Problem(409, "email_in_use"),
    UserLeaving: Problem(409, "user_leaving"),
    OwnAccount: Problem(409, "own_account"),
    VersionConflict: Problem(412, "version_conflict"),
    IdTokenInvalid: Problem(422, "id_token_invalid"),
    UntilInPast: Problem(422, "until_in_past"),
    IdentityProviderUnavailable: Problem(503, "unavailable", retry_after=2),
}
FACES = ProblemTable(AUTH_PROBLEMS, DEAD_LETTER_PROBLEMS, PROBLEMS)
