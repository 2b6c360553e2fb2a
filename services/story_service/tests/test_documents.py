"""Answers that are kept under idempotency keys, which may be older than the code that reads them."""

from uuid import UUID

from story_service.domain.generation import Target
from story_service.infrastructure.documents import acceptance_of

ONE, TWO, THREE = (f"01a1ffe8-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))


def test_an_answer_from_before_generations_had_kinds_is_a_story() -> None:
    kept = {
        "story_id": ONE,
        "user_id": TWO,
        "generation_id": THREE,
        "truth_mode": "fiction",
        "length": "short",
        "model": "gpt-5-mini",
        "provider": "openai",
        "access_version": 1,
        "quote": {"meters": {}, "retained": 1, "max_cost_micros": 1550, "most_output_tokens": 700},
        "created_at": "2026-11-21T21:00:07.174510+00:00",
    }
    acceptance = acceptance_of(kept)
    [generation] = acceptance.generations
    assert (generation.id, generation.user_id, generation.kind) == (UUID(THREE), UUID(TWO), "story")
    assert (generation.target, acceptance.said) == (Target("story", UUID(ONE)), {"truth_mode": "fiction"})
