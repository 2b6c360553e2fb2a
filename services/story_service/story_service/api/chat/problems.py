"""Every refusal of chat and its face."""

from common_service.problems import Problem
from story_service.domain.chat import errors

CHAT_PROBLEMS: dict[type[Exception], Problem] = {
    errors.ConversationUnknown: Problem(404, "not_found"),
    errors.MessageUnknown: Problem(404, "not_found"),
    errors.MemoryUnknown: Problem(404, "not_found"),
    errors.NotInConversation: Problem(409, "not_in_conversation"),
    errors.NotEditable: Problem(409, "not_editable"),
    errors.NothingToAnswer: Problem(409, "nothing_to_answer"),
    errors.NobodyAnswers: Problem(409, "nobody_answers"),
    errors.GenerationRunning: Problem(409, "generation_running", retry_after=1),
    errors.TooManyPins: Problem(409, "too_many_pins", ("limit",)),
    errors.MemoryLimitReached: Problem(402, "plan_upgrade_required", ("action", "meter", "limit", "used")),
    errors.ContextTooSmall: Problem(409, "context_too_small", ("limit",)),
}
