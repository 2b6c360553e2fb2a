"""Between rows and the domain. Every field goes both ways; the round trips are tested."""

from typing import Any
from uuid import UUID

from story_service.domain.generation import Billing, Generation, State, Target
from story_service.domain.ids import GenerationId, GrantId, ReservationId, StoryId, UserId
from story_service.domain.ledger import LedgerEntry, Posting
from story_service.domain.moderation import Decision
from story_service.domain.story import Moderation, Origin, PublishState, Source, Story, StoryState, TruthMode
from story_service.infrastructure.documents import (
    quote_document,
    quote_of,
    usage_document,
    usage_of,
)
from story_service.infrastructure.tables import GenerationRow, LedgerRow, StoryRow


def generation_values(generation: Generation) -> dict[str, Any]:
    """Return the columns of a new generation."""
    return {
        "id": generation.id,
        "user_id": generation.user_id,
        "payer_id": generation.user_id,
        "kind": generation.kind,
        "target_type": generation.target.type,
        "target_id": generation.target.id,
        "model": generation.model,
        "provider": generation.provider,
        "request": dict(generation.request),
        "access_version": generation.access_version,
        "state": generation.state,
        "billing_state": generation.billing,
        "attempt": generation.attempt,
        "fence": generation.fence,
        "lease_until": generation.lease_until,
        "chain_id": generation.chain_id,
        "waits_for": generation.waits_for,
        "queued_at": generation.queued_at,
        "priority": generation.priority,
        "quote": quote_document(generation.quote),
        "usage": usage_document(generation.usage, generation.price),
        "usage_estimated": bool(generation.usage and generation.usage.estimated),
        "cost_micros": generation.cost_micros,
        "error_code": generation.error_code,
        "last_seq": generation.last_seq,
        "created_at": generation.created_at,
        "started_at": generation.started_at,
        "first_token_at": generation.first_token_at,
        "finished_at": generation.finished_at,
    }


def generation_of(row: GenerationRow) -> Generation:
    """Read a generation."""
    usage, price = usage_of(row.usage, estimated=row.usage_estimated)
    return Generation(
        id=GenerationId(row.id),
        user_id=UserId(row.user_id),
        kind=row.kind,
        target=Target(row.target_type, row.target_id),
        model=row.model,
        provider=row.provider,
        request=row.request,
        quote=quote_of(row.quote),
        access_version=row.access_version,
        created_at=row.created_at,
        state=State(row.state),
        billing=Billing(row.billing_state),
        attempt=row.attempt,
        fence=row.fence,
        lease_until=row.lease_until,
        chain_id=row.chain_id,
        waits_for=GenerationId(row.waits_for) if row.waits_for else None,
        queued_at=row.queued_at,
        priority=row.priority,
        usage=usage,
        price=price,
        cost_micros=row.cost_micros,
        error_code=row.error_code,
        last_seq=row.last_seq,
        started_at=row.started_at,
        first_token_at=row.first_token_at,
        finished_at=row.finished_at,
    )


def story_values(story: Story) -> dict[str, Any]:
    """Return the columns that a story decides."""
    return {
        "id": story.id,
        "user_id": story.user_id,
        "title": story.title,
        "body": story.body,
        "truth_mode": story.truth_mode,
        "is_latest": story.is_latest,
        "generation_id": story.generation_id,
        "token_cost": story.token_cost,
        "cost_micros": story.cost_micros,
        "state": story.state,
        "moderation_status": story.moderation,
        "origin": story.origin,
        "parent_story_id": story.source.id if story.source else None,
        "parent_title": story.source.title if story.source else None,
        "publish_state": story.publish_state,
        "published_at": story.published_at,
        "synopsis": story.synopsis,
        "language": story.language,
        "case_id": story.case_id,
        "version": story.version,
        "created_at": story.created_at,
        "updated_at": story.updated_at,
        "deleted_at": story.deleted_at,
    }


def story_of(row: StoryRow) -> Story:
    """Read a reader's story."""
    assert row.user_id is not None, "house stories are read elsewhere"
    return Story(
        id=StoryId(row.id),
        user_id=UserId(row.user_id),
        generation_id=GenerationId(row.generation_id) if row.generation_id else None,
        truth_mode=TruthMode(row.truth_mode),
        created_at=row.created_at,
        updated_at=row.updated_at,
        state=StoryState(row.state),
        title=row.title,
        body=row.body,
        is_latest=row.is_latest,
        token_cost=row.token_cost,
        cost_micros=row.cost_micros,
        moderation=Moderation(row.moderation_status),
        version=row.version,
        deleted_at=row.deleted_at,
        origin=Origin(row.origin),
        source=source_of(row.parent_story_id, row.parent_title),
        publish_state=PublishState(row.publish_state),
        published_at=row.published_at,
        synopsis=row.synopsis,
        language=row.language,
        case_id=row.case_id,
    )


def source_of(story_id: UUID | None, title: str | None) -> Source | None:
    """Read what a clone was made of."""
    return Source(StoryId(story_id), title or "") if story_id else None


def ledger_values(entry: LedgerEntry) -> dict[str, Any]:
    """Return the columns of a ledger entry."""
    posting = entry.posting
    return {
        "user_id": entry.user_id,
        "seq": entry.seq,
        "meter": posting.meter,
        "kind": posting.kind,
        "amount": posting.amount,
        "reservation_id": entry.reservation_id,
        "grant_id": posting.grant_id,
        "ref": entry.ref,
        "reserved_after": posting.reserved_after,
        "settled_after": posting.settled_after,
        "occurred_at": entry.occurred_at,
        "prev_hash": entry.prev_hash,
        "hash": entry.hash,
    }


def entry_of(row: LedgerRow) -> LedgerEntry:
    """Read a ledger entry."""
    grant_id = GrantId(row.grant_id) if row.grant_id else None
    posting = Posting(row.meter, row.kind, row.amount, row.reserved_after, row.settled_after, grant_id)
    return LedgerEntry(
        UserId(row.user_id),
        row.seq,
        posting,
        ReservationId(row.reservation_id) if row.reservation_id else None,
        row.occurred_at,
        row.prev_hash,
        row.hash,
        row.ref,
    )


def decision_values(decision: Decision) -> dict[str, Any]:
    """Return the columns of a decision."""
    return {
        "id": decision.id,
        "subject_user_id": decision.subject,
        "target_type": decision.target_type,
        "target_id": decision.target_id,
        "stage": decision.stage,
        "provider": decision.provider,
        "policy_version": decision.policy_version,
        "verdict": decision.verdict,
        "categories": decision.categories,
        "reason_codes": list(decision.reasons),
        "statement": decision.statement,
        "supersedes": decision.supersedes,
        "content_sha256": decision.content_sha256,
        "automated": decision.decided_by is None,
        "decided_by": decision.decided_by,
        "created_at": decision.decided_at,
    }
