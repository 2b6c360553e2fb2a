"""The facts of the other services as they come over the wire, read tolerant of whatever else they carry."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from admin_service.application.apply_facts import count_usage, index_access, index_person
from admin_service.application.ports import Work
from admin_service.domain.events import AccessSeen, ArchivedEvent, PersonSeen, UsageSeen
from admin_service.infrastructure.repositories import SqlAdminWork
from common_events.envelope import Envelope
from common_events.handlers import Handler

SOURCES = ("user", "payment", "story")
_SUBSCRIPTION = (
    *("created", "renewed", "upgraded", "downgraded"),
    *("cancel_scheduled", "resumed", "paused", "cancelled"),
)
_ARCHIVED_ONLY = (
    *(f"subscription.{what}" for what in _SUBSCRIPTION),
    *("payment.succeeded", "payment.failed", "webhook.dead"),
    *("payment.disputed", "payment.refunded", "reconcile.drift_found"),
    *("entitlement.granted", "entitlement.voided", "plan.entitlements_changed", "dunning.notice_due"),
    *("story.created", "generation.closed", "moderation.decided"),
    *("case.updated", "case.person_status_changed"),
    *("moderation.case_opened", "moderation.case_resolved", "user.struck", "user.status_changed"),
    *("conversation.created", "message.completed"),
    *("story.published", "story.unpublished", "story.cloned", "story.purged"),
    *("story.analyzed", "characters.extracted"),
)
Effect = Callable[[Work, Envelope], Awaitable[None]]


def handlers() -> dict[str, Handler]:
    """Return what is done with each type of fact, in the session of its inbox row."""
    effects: dict[str, Effect] = {
        **dict.fromkeys(_ARCHIVED_ONLY, _nothing_more),
        "user.registered": _person,
        "user.updated": _person,
        "access.changed": _access,
        "usage.settled": _usage,
    }
    return {kind: _in_session(effect) for kind, effect in effects.items()}


def _in_session(effect: Effect) -> Handler:
    async def handle(session: AsyncSession, envelope: Envelope) -> None:
        work = SqlAdminWork.on(session)
        await work.archive.add(archived(envelope))
        await effect(work, envelope)

    return handle


def archived(envelope: Envelope) -> ArchivedEvent:
    """Return the fact for the archive, without the e-mail address that the index alone may hold."""
    document: dict[str, Any] = orjson.loads(envelope.to_json())
    document["data"].pop("email", None)
    return ArchivedEvent(envelope.id, envelope.type, envelope.source, envelope.subject, envelope.time, document)


async def _nothing_more(_: Work, __: Envelope) -> None: ...


async def _person(work: Work, envelope: Envelope) -> None:
    data = envelope.data
    seen = PersonSeen(
        user_id=_subject(envelope),
        version=int(data["version"]),
        at=envelope.time,
        email=data["email"],
        display_name=data.get("display_name"),
        status=data.get("status", "active"),
        is_registration=envelope.type == "user.registered",
    )
    await index_person(work, seen)


async def _access(work: Work, envelope: Envelope) -> None:
    data = envelope.data
    seen = AccessSeen(
        user_id=_subject(envelope),
        version=int(data["version"]),
        at=envelope.time,
        plan_code=data["plan"]["code"] if data["plan"] else None,
        state=data["state"],
        is_entitled=data["entitled"] is True,
    )
    await index_access(work, seen)


async def _usage(work: Work, envelope: Envelope) -> None:
    amounts = Counter[str]()
    for line in envelope.data["lines"]:
        amounts[line["meter"]] += int(line["settled"])
    await count_usage(work, UsageSeen(_subject(envelope), envelope.time, amounts))


def _subject(envelope: Envelope) -> Any:
    if envelope.subject is None:
        raise ValueError(f"{envelope.type} tells of nobody")
    return envelope.subject
