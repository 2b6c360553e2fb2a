"""Every refusal and its face."""

from common_auth.errors import AUTH_PROBLEMS
from common_service.idempotency import IDEMPOTENCY_PROBLEMS
from common_service.problems import Problem, ProblemTable
from payment_service.domain.errors import (
    AlreadySubscribed,
    BadSignature,
    CheckoutNotFound,
    CheckoutOpen,
    EventMalformed,
    NoCustomer,
    NoSubscription,
    PlanUnknown,
    PricesNotLoaded,
    ProviderRefused,
    ProviderUnavailable,
    ReturnPathNotAllowed,
)

PROBLEMS: dict[type[Exception], Problem] = {
    BadSignature: Problem(400, "bad_signature"),
    EventMalformed: Problem(400, "malformed"),
    NoSubscription: Problem(404, "no_subscription"),
    CheckoutNotFound: Problem(404, "not_found"),
    AlreadySubscribed: Problem(409, "already_subscribed"),
    CheckoutOpen: Problem(409, "checkout_open", members=("id", "url", "expires_at", "action")),
    NoCustomer: Problem(409, "no_customer"),
    PlanUnknown: Problem(422, "plan_unknown"),
    ReturnPathNotAllowed: Problem(422, "return_path_not_allowed"),
    ProviderRefused: Problem(502, "provider_refused"),
    ProviderUnavailable: Problem(503, "provider_unavailable", retry_after=2),
    PricesNotLoaded: Problem(503, "provider_unavailable", retry_after=2),
}
FACES = ProblemTable(AUTH_PROBLEMS, IDEMPOTENCY_PROBLEMS, PROBLEMS)
