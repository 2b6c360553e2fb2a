"""The JSON of columns and kept answers, and back."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from story_service.application.ports import Acceptance
from story_service.domain.generation import Generation
from story_service.domain.ids import GenerationId, StoryId, UserId
from story_service.domain.pricing import MeterQuote, Quote, Usage
from story_service.domain.story import Length, Story, StoryRequest, TruthMode


def quote_document(quote: Quote) -> dict[str, Any]:
    """Write the terms of a generation."""
    return asdict(quote)


def quote_of(document: dict[str, Any]) -> Quote:
    """Read them."""
    meters = {meter: MeterQuote(**terms) for meter, terms in document["meters"].items()}
    return Quote(**{**document, "meters": meters})


def request_document(request: StoryRequest) -> dict[str, Any]:
    """Write what a reader asked for."""
    return asdict(request)


def request_of(document: dict[str, Any]) -> StoryRequest:
    """Read it."""
    return StoryRequest(
        document["prompt"], TruthMode(document["truth_mode"]), Length(document["length"]), document["tone"]
    )


def usage_document(usage: Usage | None, price: int) -> dict[str, Any] | None:
    """Write token counts and their price; whether they are estimated stands in a column of its own."""
    if usage is None:
        return None
    return {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, "price": price}


def usage_of(document: dict[str, Any] | None, *, estimated: bool) -> tuple[Usage | None, int]:
    """Read token counts and their price."""
    if document is None:
        return None, 0
    return Usage(document["prompt_tokens"], document["completion_tokens"], estimated), document["price"]


def acceptance_document(acceptance: Acceptance) -> dict[str, Any]:
    """Write an answer, without the reader's words."""
    generation = acceptance.generation
    return {
        "story_id": str(acceptance.story.id),
        "user_id": str(generation.user_id),
        "generation_id": str(generation.id),
        "truth_mode": acceptance.story.truth_mode,
        "length": generation.request.length,
        "model": generation.model,
        "provider": generation.provider,
        "access_version": generation.access_version,
        "quote": quote_document(generation.quote),
        "created_at": generation.created_at.isoformat(),
    }


def acceptance_of(kept: dict[str, Any]) -> Acceptance:
    """Read an answer: the story and its generation as they were when accepted."""
    user_id, story_id = UserId(UUID(kept["user_id"])), StoryId(UUID(kept["story_id"]))
    generation_id, at = GenerationId(UUID(kept["generation_id"])), datetime.fromisoformat(kept["created_at"])
    truth_mode = TruthMode(kept["truth_mode"])
    generation = Generation(
        generation_id,
        user_id,
        story_id,
        kept["model"],
        kept["provider"],
        StoryRequest("", truth_mode, Length(kept["length"])),
        quote_of(kept["quote"]),
        kept["access_version"],
        at,
        last_seq=1,
    )
    return Acceptance(Story(story_id, user_id, generation_id, truth_mode, at, at), generation)
