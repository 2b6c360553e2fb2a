"""The JSON of columns and kept answers, and back."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from story_service.application.ports import Acceptance
from story_service.domain.generation import Generation, Target
from story_service.domain.ids import GenerationId, UserId
from story_service.domain.pricing import MeterQuote, Quote, Usage


def quote_document(quote: Quote) -> dict[str, Any]:
    """Write the terms of a generation."""
    return asdict(quote)


def quote_of(document: dict[str, Any]) -> Quote:
    """Read them."""
    meters = {meter: MeterQuote(**terms) for meter, terms in document["meters"].items()}
    return Quote(**{**document, "meters": meters, "models": tuple(document.get("models", ()))})


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
    return {"generations": [_accepted(one) for one in acceptance.generations], "said": dict(acceptance.said)}


def acceptance_of(kept: dict[str, Any]) -> Acceptance:
    """Read an answer: the generations as they were when accepted."""
    if "generation_id" in kept:
        kept = _of_a_story(kept)
    return Acceptance(tuple(_generation(one) for one in kept["generations"]), kept["said"])


def _of_a_story(kept: dict[str, Any]) -> dict[str, Any]:
    """Return an answer from before generations had kinds: keys outlive a deployment by a day."""
    story = {"kind": "story", "target": {"type": "story", "id": kept["story_id"]}, "id": kept["generation_id"]}
    quote = {name: term for name, term in kept["quote"].items() if name != "retained"}
    return {
        "generations": [{**kept, **story, "quote": quote, "chain_id": None, "waits_for": None}],
        "said": {"truth_mode": kept["truth_mode"]},
    }


def _accepted(generation: Generation) -> dict[str, Any]:
    return {
        "id": str(generation.id),
        "user_id": str(generation.user_id),
        "kind": generation.kind,
        "target": {"type": generation.target.type, "id": str(generation.target.id)},
        "model": generation.model,
        "provider": generation.provider,
        "access_version": generation.access_version,
        "quote": quote_document(generation.quote),
        "created_at": generation.created_at.isoformat(),
        "chain_id": str(generation.chain_id) if generation.chain_id else None,
        "waits_for": str(generation.waits_for) if generation.waits_for else None,
    }


def _generation(kept: dict[str, Any]) -> Generation:
    chain_id, waits_for = kept["chain_id"], kept["waits_for"]
    return Generation(
        GenerationId(UUID(kept["id"])),
        UserId(UUID(kept["user_id"])),
        kept["kind"],
        Target(kept["target"]["type"], UUID(kept["target"]["id"])),
        kept["model"],
        kept["provider"],
        {},
        quote_of(kept["quote"]),
        kept["access_version"],
        datetime.fromisoformat(kept["created_at"]),
        chain_id=UUID(chain_id) if chain_id else None,
        waits_for=GenerationId(UUID(waits_for)) if waits_for else None,
        last_seq=1,
    )
