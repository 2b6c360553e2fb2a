"""Judges a reader's words before they are kept, and before a model sees them. Every refusal is a decision kept."""

from dataclasses import dataclass
from uuid import UUID

from story_service.application.chat.ports import StartChatWork
from story_service.application.ports import Clock, Moderator, NewId
from story_service.domain.errors import InputBlocked
from story_service.domain.events import ModerationDecided
from story_service.domain.ids import DecisionId, UserId
from story_service.domain.moderation import Decision, digest


@dataclass(frozen=True, slots=True)
class AdmitWords:
    """Asks the moderator, in no transaction."""

    start_work: StartChatWork
    moderator: Moderator
    now: Clock
    new_id: NewId

    async def __call__(self, user_id: UserId, target_type: str, target_id: UUID, words: str) -> Decision:
        """Return the decision that lets them in. Raises InputBlocked, ModerationUnavailable."""
        verdict = await self.moderator.judge(words)
        decision = Decision(
            DecisionId(self.new_id()),
            user_id,
            target_id,
            "input",
            self.moderator.provider,
            self.moderator.policy_version,
            "block" if verdict.is_block else "allow",
            verdict.reasons,
            verdict.categories,
            digest(words),
            self.now(),
            target_type=target_type,
        )
        if verdict.is_block:
            async with self.start_work() as work:
                await work.record(decision)
                await work.tell(ModerationDecided(decision))
                await work.commit()
            raise InputBlocked(verdict.reasons)
        return decision
