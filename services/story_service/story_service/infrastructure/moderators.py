"""Who judges texts: OpenAI's moderation with our thresholds, or nobody where the policy is off."""

from collections.abc import Mapping

import httpx2

from story_service.domain.errors import ModerationUnavailable
from story_service.domain.moderation import Verdict
from story_service.infrastructure.openai_client import OpenAIClient

_TIMEOUT = httpx2.Timeout(2.0, connect=1.0)
_ATTEMPTS = 2
_THOUSAND = 1000


class OpenAIModerator:
    """Blocks every flagged category, but one with a threshold only from that score on: crime stories are violent."""

    provider = "openai"

    def __init__(
        self, client: OpenAIClient, *, model: str, policy_version: str, thresholds: Mapping[str, float]
    ) -> None:
        self._client, self._model = client, model
        self.policy_version, self._thresholds = policy_version, dict(thresholds)

    async def judge(self, text: str) -> Verdict:
        """Ask, twice if need be: a verdict has no effect but itself."""
        from openai import OpenAIError

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = await self._client.sdk.moderations.create(model=self._model, input=text, timeout=_TIMEOUT)
                result = answer.results[0]
                flags = result.categories.model_dump(by_alias=True)
                scores = result.category_scores.model_dump(by_alias=True)
            except (OpenAIError, IndexError, AttributeError) as error:
                if attempt == _ATTEMPTS:
                    raise ModerationUnavailable from error
            else:
                return self._verdict(flags, scores)
        raise ModerationUnavailable

    def _verdict(self, flags: Mapping[str, bool | None], scores: Mapping[str, float | None]) -> Verdict:
        flagged = {name: scores.get(name) or 0.0 for name, is_flagged in flags.items() if is_flagged}
        reasons = tuple(sorted(name for name, score in flagged.items() if score >= self._thresholds.get(name, 0.0)))
        return Verdict(reasons, {name: round(score * _THOUSAND) for name, score in flagged.items()})


class NoModerator:
    """Lets everything pass: for trusted internal use."""

    provider = "none"
    policy_version = "off"

    async def judge(self, text: str) -> Verdict:  # noqa: ARG002 - the port's signature
        """Find nothing."""
        return Verdict()
