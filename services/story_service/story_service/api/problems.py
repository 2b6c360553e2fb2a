"""Every refusal and its face."""

from collections.abc import Sequence

from common_auth.errors import (
    AUTH_PROBLEMS,
    AccessUnavailable,
    Forbidden,
    KeysUnavailable,
    TokenExpired,
    TokenInvalid,
    Unauthenticated,
)
from common_events.dead_letter_routes import DEAD_LETTER_PROBLEMS
from common_service.idempotency import IDEMPOTENCY_PROBLEMS
from common_service.problems import Problem, ProblemTable
from story_service.api.cases.problems import CASE_PROBLEMS
from story_service.api.chat.problems import CHAT_PROBLEMS
from story_service.api.desk.problems import DESK_PROBLEMS
from story_service.domain import errors

PROBLEMS: dict[type[Exception], Problem] = {
    errors.SubscriptionRequired: Problem(402, "subscription_required", ("action",)),
    errors.FullTextLocked: Problem(402, "subscription_required", ("action", "preview")),
    errors.PlanUpgradeRequired: Problem(402, "plan_upgrade_required", ("action",)),
    errors.QuotaExceeded: Problem(429, "quota_exceeded", ("meter", "limit", "used", "resets_at")),
    errors.MeterUnknown: Problem(422, "meter_unknown"),
    errors.MoreThanSettled: Problem(422, "more_than_settled", ("meter", "settled")),
    errors.InputBlocked: Problem(422, "input_blocked", ("reasons",)),
    errors.ModelUnavailable: Problem(409, "model_unavailable"),
    errors.MaxPriceExceeded: Problem(409, "max_price_exceeded", ("price", "limit")),
    errors.StoryUnknown: Problem(404, "not_found"),
    errors.StoryNotReady: Problem(409, "not_ready"),
    errors.StoryIsPublished: Problem(409, "published"),
    errors.StoryNotPublished: Problem(409, "not_published"),
    errors.StoryBeingWritten: Problem(409, "generation_running"),
    errors.StoryTooLong: Problem(409, "story_too_long"),
    errors.SpanOutside: Problem(422, "span_outside", ("characters",)),
    errors.RevisionUnknown: Problem(404, "not_found"),
    errors.PublishBlocked: Problem(422, "publish_blocked", ("reasons",)),
    errors.PublishLimitReached: Problem(402, "plan_upgrade_required", ("action", "meter", "limit", "used")),
    errors.RetentionLimitReached: Problem(409, "retention_limit", ("meter", "limit", "used")),
    errors.GenerationUnknown: Problem(404, "not_found"),
    errors.CharacterUnknown: Problem(404, "not_found"),
    errors.NotTheOwner: Problem(403, "forbidden"),
    errors.CharacterLimitReached: Problem(402, "plan_upgrade_required", ("action", "meter", "limit", "used")),
    errors.CaseLimitReached: Problem(402, "plan_upgrade_required", ("action", "meter", "limit", "used")),
    errors.RealPersonRefused: Problem(422, "real_person_refused"),
    errors.VersionConflict: Problem(412, "version_conflict"),
    errors.AlreadyClosed: Problem(409, "already_closed"),
    errors.ChunksPurged: Problem(410, "chunks_purged", ("action",)),
    errors.ModerationUnavailable: Problem(503, "moderation_unavailable", retry_after=5),
    **CASE_PROBLEMS,
    **CHAT_PROBLEMS,
    **DESK_PROBLEMS,
}
FACES = ProblemTable(AUTH_PROBLEMS, DEAD_LETTER_PROBLEMS, IDEMPOTENCY_PROBLEMS, PROBLEMS)
ANY_READER: Sequence[type[Exception]] = (Unauthenticated, TokenInvalid, TokenExpired, KeysUnavailable)
ANY_SERVICE: Sequence[type[Exception]] = (*ANY_READER, Forbidden)
GATED: Sequence[type[Exception]] = (AccessUnavailable,)
