"""Every refusal and its face."""

from admin_service.domain.errors import DeskUnavailable, UnknownUser, UsersUnavailable
from common_auth.errors import AUTH_PROBLEMS
from common_events.dead_letter_routes import DEAD_LETTER_PROBLEMS
from common_service.problems import Problem, ProblemTable

PROBLEMS: dict[type[Exception], Problem] = {
    DeskUnavailable: Problem(503, "unavailable", retry_after=2),
    UnknownUser: Problem(404, "not_found"),
    UsersUnavailable: Problem(503, "unavailable", retry_after=2),
}
FACES = ProblemTable(AUTH_PROBLEMS, DEAD_LETTER_PROBLEMS, PROBLEMS)
