"""Facts as others read them (contracts/events): ids, numbers and states, never text."""

from datetime import datetime
from typing import Any

from common_events.outbox import Fact
from story_service.domain.cases.events import CaseUpdated, PersonStatusChanged
from story_service.domain.chat.events import ConversationCreated, MessageCompleted
from story_service.domain.desk.events import ModerationCaseOpened, ModerationCaseResolved, UserStruck
from story_service.domain.events import (
    CharactersExtracted,
    Event,
    GenerationClosed,
    ModerationDecided,
    StoriesPurged,
    StoryAnalyzed,
    StoryCloned,
    StoryCreated,
    StoryPublished,
    StoryUnpublished,
    UsageSettled,
)
from story_service.domain.generation import Generation
from story_service.infrastructure.analysing.facts import analysis_fact_of
from story_service.infrastructure.cases.facts import case_fact
from story_service.infrastructure.chat.facts import chat_fact
from story_service.infrastructure.desk.facts import desk_fact
from story_service.infrastructure.documents import usage_document
from story_service.infrastructure.publishing.facts import shelf_fact_of


def fact_of(event: Event) -> Fact:
    """Return the fact that tells of an event."""
    match event:
        case StoryCreated():
            return _story_created(event)
        case StoryPublished() | StoryUnpublished() | StoryCloned() | StoriesPurged():
            return shelf_fact_of(event)
        case StoryAnalyzed() | CharactersExtracted():
            return analysis_fact_of(event)
        case GenerationClosed():
            return _generation_closed(event.generation)
        case UsageSettled():
            return _usage_settled(event)
        case ModerationDecided():
            return _moderation_decided(event)
        case CaseUpdated() | PersonStatusChanged():
            return case_fact(event)
        case ConversationCreated() | MessageCompleted():
            return chat_fact(event)
        case ModerationCaseOpened() | ModerationCaseResolved() | UserStruck():
            return desk_fact(event)


def _story_created(event: StoryCreated) -> Fact:
    story = event.story
    data = {
        "story_id": str(story.id),
        "generation_id": str(story.generation_id),
        "truth_mode": story.truth_mode,
        "token_cost": story.token_cost,
        "version": story.version,
    }
    return Fact("story.created", str(story.id), story.version, data, story.updated_at, story.user_id)


def _generation_closed(generation: Generation) -> Fact:
    assert generation.finished_at is not None, "closed generations have an end"
    data: dict[str, Any] = {
        "generation_id": str(generation.id),
        "kind": generation.kind,
        "state": generation.state,
        "billing": generation.billing,
        "usage": usage_document(generation.usage, generation.price),
        "cost_micros": generation.cost_micros or 0,
        "model": generation.model,
        "first_token_ms": _milliseconds(generation.created_at, generation.first_token_at),
        "total_ms": _milliseconds(generation.created_at, generation.finished_at),
        "error_code": generation.error_code,
    }
    at = generation.finished_at
    return Fact("generation.closed", str(generation.id), generation.fence, data, at, generation.user_id)


def _usage_settled(event: UsageSettled) -> Fact:
    lines = [
        {
            "meter": line.meter,
            "window_start": line.window.start.isoformat(),
            "window_end": line.window.end.isoformat(),
            "reserved": line.reserved,
            "settled": line.settled or 0,
            "grant_id": str(line.grant.id) if line.grant else None,
        }
        for line in event.lines
    ]
    data = {
        "generation_id": str(event.generation.id),
        "reservation_id": str(event.reservation_id),
        "lines": lines,
        "ledger_seq": event.ledger_seq,
    }
    user_id = event.generation.user_id
    return Fact("usage.settled", str(user_id), event.ledger_seq, data, event.at, user_id)


def _moderation_decided(event: ModerationDecided) -> Fact:
    decision = event.decision
    data = {
        "decision_id": str(decision.id),
        "target": {"type": decision.target_type, "id": str(decision.target_id)},
        "stage": decision.stage,
        "verdict": decision.verdict,
        "reason_codes": list(decision.reasons),
        "automated": decision.decided_by is None,
    }
    return Fact("moderation.decided", str(decision.target_id), 1, data, decision.decided_at, decision.subject)


def _milliseconds(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else round((end - start).total_seconds() * 1000)
