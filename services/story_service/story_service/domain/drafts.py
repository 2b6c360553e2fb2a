"""What a generation says of itself in its events: at the start, for every window, at the end."""

from collections.abc import Mapping
from typing import Any

from story_service.domain.chunks import DELTA, DONE, ERROR, META, NOTICE, Draft
from story_service.domain.generation import Generation


def opening(generation: Generation, names: Mapping[str, str]) -> Draft:
    """Return the first event: what is written, by which model and on which terms.

    Who asked for it and for the events in one request learns from it alone what to stop and where to go on.
    """
    meters = {
        meter: {"max": terms.most, "remaining_after": terms.remaining_after}
        for meter, terms in sorted(generation.quote.meters.items())
    }
    quoted = {"meters": meters, "max_cost_micros": generation.quote.max_cost_micros}
    return Draft.of(META, {"generation_id": str(generation.id), **names, "model": generation.model, "quote": quoted})


def delta(text: str) -> Draft:
    """Return the event of a released window."""
    return Draft.of(DELTA, {"t": text})


def notice(code: str) -> Draft:
    """Return the event that tells what a reader should know about the text."""
    return Draft.of(NOTICE, {"code": code})


def last(generation: Generation, remaining: Mapping[str, int | None], said: Mapping[str, Any]) -> list[Draft]:
    """Return the events of a closed generation: an error where there was one, and always `done`, with what was said."""
    usage = generation.usage
    used = None
    if usage is not None:
        used = {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total,
            "estimated": usage.estimated,
        }
    done = Draft.of(
        DONE,
        {
            "state": generation.state,
            "billing": generation.billing,
            "usage": used,
            "price": generation.price,
            "remaining": remaining,
            **said,
        },
    )
    error = [Draft.of(ERROR, {"code": generation.error_code})] if generation.error_code else []
    return [*error, done]
