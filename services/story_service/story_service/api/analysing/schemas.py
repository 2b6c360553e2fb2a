"""Analyses over the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from story_service.api.numbers import MaxPrice
from story_service.api.schemas import GenerationBrief, ModelName, Wire, brief
from story_service.application.analysing.analyse_story import Answered
from story_service.domain.analysing.analysis import Analysis, AnalysisKind

AnalysisKindName = Literal["characters", "emotions", "summary", "factcheck"]


class CharacterFound(Wire):
    """Somebody who occurs in a story."""

    name: str
    role: str
    description: str
    traits: list[str]


class EmotionFound(Wire):
    """An emotion in a paragraph, counted from 1; `score` from 0 to 100."""

    paragraph: int
    emotion: str
    score: int


class SummaryFound(Wire):
    """A story in one sentence, and in some."""

    announcement: str
    summary: str


class ClaimFound(Wire):
    """A claim about the world outside the story, and what a model makes of it. It is no source."""

    claim: str
    verdict: Literal["invented", "plausible", "implausible", "contradicted"]
    note: str


class AnalyseIn(Wire):
    """What is asked about a story."""

    kinds: Annotated[list[AnalysisKindName], Field(min_length=1, max_length=4)]
    model: ModelName | None = None
    max_price: MaxPrice = None

    @property
    def asked(self) -> frozenset[AnalysisKind]:
        """The questions in the domain's words."""
        return frozenset(AnalysisKind(kind) for kind in self.kinds)


class AnalysisOut(Wire):
    """An answer about the text that a story has."""

    kind: AnalysisKindName
    result: list[CharacterFound] | list[EmotionFound] | list[ClaimFound] | SummaryFound
    model: str
    generation_id: UUID
    created_at: datetime

    @classmethod
    def of(cls, analysis: Analysis) -> Self:
        """Show an answer."""
        shown: dict[str, Any] = {
            "kind": analysis.kind.value,
            "result": analysis.result,
            "model": analysis.model,
            "generation_id": analysis.generation_id,
            "created_at": analysis.created_at,
        }
        return cls.model_validate(shown)


class AnalysesOut(Wire):
    """Answers about the text that a story has."""

    items: list[AnalysisOut]


class AnsweredOut(AnalysesOut):
    """What is known already, or the generation that finds out what is not."""

    generation: GenerationBrief | None

    @classmethod
    def of(cls, answered: Answered) -> Self:
        """Show either."""
        generation = brief(answered.accepted.generations[0]) if answered.accepted else None
        return cls(items=[AnalysisOut.of(one) for one in answered.known], generation=generation)


class CharactersOut(Wire):
    """Who occurs in a story. Nobody was looked for where `is_analysed` is false."""

    is_analysed: bool
    items: list[CharacterFound]

    @classmethod
    def of(cls, analysis: Analysis | None) -> Self:
        """Show whoever was found."""
        return cls.model_validate({"is_analysed": analysis is not None, "items": analysis.result if analysis else []})
