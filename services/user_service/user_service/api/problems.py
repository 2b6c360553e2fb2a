"""Every refusal and its face."""

from common_auth.errors import AUTH_PROBLEMS
from common_service.problems import Problem, ProblemTable
from user_service.domain.errors import (
    EmailInUse,
    IdTokenInvalid,
    NotProvisioned,
    UnknownUser,
    VersionConflict,
)

PROBLEMS = {
    NotProvisioned: Problem(404, "not_provisioned"),
    UnknownUser: Problem(404, "not_found"),
    EmailInUse: Problem(409, "email_in_use"),
    VersionConflict: Problem(412, "version_conflict"),
    IdTokenInvalid: Problem(422, "id_token_invalid"),
}
FACES = ProblemTable(AUTH_PROBLEMS, PROBLEMS)
