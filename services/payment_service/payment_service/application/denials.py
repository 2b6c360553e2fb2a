"""Lets the denials that follow from refunds and disputes stand as overrides, and lifts those that follow no more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from payment_service.application.ports import Work
from payment_service.domain.ids import UserId
from payment_service.domain.overrides import EVERYTHING, Override
from payment_service.domain.reversal import Denial

BY_RULE = UUID(int=0)
"""Who made and who lifts an override that no admin decided on."""


async def let_stand(work: Work, user_id: UserId, denials: Sequence[Denial], now: datetime) -> None:
    """Write what differs from these. What an admin has revoked stays revoked. The caller has locked the person."""
    wanted = {each.reversal_id: each for each in denials}
    for standing in await work.overrides.of(user_id, now):
        by_us = (standing.created_by, standing.source) == (BY_RULE, "dispute")
        if by_us and standing.id not in wanted:
            await work.overrides.put(standing.revoked(BY_RULE, "the reversal counts no more", now))
    for denial in denials:
        old = await work.overrides.get(denial.reversal_id)
        if old is None or old.revoked_by in {None, BY_RULE}:
            due = _override(user_id, denial, old, now)
            if due != old:
                await work.overrides.put(due)


def _override(user_id: UserId, denial: Denial, old: Override | None, now: datetime) -> Override:
    """Return the override of a denial; it carries the id of the reversal, so there is one however often it is told."""
    if old is not None:
        return replace(
            old,
            expires_at=denial.expires_at,
            reason=denial.reason,
            revoked_at=None,
            revoked_by=None,
            revoke_reason=None,
        )
    return Override(
        id=denial.reversal_id,
        user_id=user_id,
        effect="deny",
        feature=EVERYTHING,
        starts_at=denial.starts_at,
        expires_at=denial.expires_at,
        reason=denial.reason,
        created_by=BY_RULE,
        created_at=now,
        source="dispute",
    )
