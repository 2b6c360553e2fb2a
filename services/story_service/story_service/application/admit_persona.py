"""Judges a persona before anybody meets it: first the rule against real people, then the moderator."""

from dataclasses import dataclass

from story_service.application.ports import Clock, Moderator, NewId, StartWork
from story_service.domain.character import Persona
from story_service.domain.errors import InputBlocked, RealPersonRefused
from story_service.domain.events import ModerationDecided
from story_service.domain.ids import CharacterId, DecisionId, UserId
from story_service.domain.moderation import Decision, Verdict, digest
from story_service.domain.real_people import REASON, is_real_person

_RULES, _RULES_VERSION = "rules", "1"


@dataclass(frozen=True, slots=True)
class AdmitPersona:
    """Asks no model for what a rule can say. Every refusal is a decision that is kept."""

    start_work: StartWork
    moderator: Moderator
    now: Clock
    new_id: NewId

    async def __call__(self, user_id: UserId, character_id: CharacterId, persona: Persona) -> Decision:
        """Return the decision that lets it in. Raises RealPersonRefused, InputBlocked, ModerationUnavailable."""
        if is_real_person(persona.name, persona.text):
            verdict = Verdict((REASON,))
            await self._keep(self._decision(user_id, character_id, persona, verdict, _RULES, _RULES_VERSION))
            raise RealPersonRefused
        verdict = await self.moderator.judge(persona.text)
        judge = self.moderator
        decision = self._decision(user_id, character_id, persona, verdict, judge.provider, judge.policy_version)
        if verdict.is_block:
            await self._keep(decision)
            raise InputBlocked(verdict.reasons)
        return decision

    async def _keep(self, decision: Decision) -> None:
        async with self.start_work() as work:
            await work.record(decision)
            await work.tell(ModerationDecided(decision))
            await work.commit()

    def _decision(  # one argument a fact of it
        self,
        user_id: UserId,
        character_id: CharacterId,
        persona: Persona,
        verdict: Verdict,
        provider: str,
        policy_version: str,
    ) -> Decision:
        return Decision(
            DecisionId(self.new_id()),
            user_id,
            character_id,
            "input",
            provider,
            policy_version,
            "block" if verdict.is_block else "allow",
            verdict.reasons,
            verdict.categories,
            digest(persona.text),
            self.now(),
            target_type="character",
        )
