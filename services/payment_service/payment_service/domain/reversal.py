"""Money taken back, by us (a refund) or by the payer's bank (a dispute), and when that takes access away by rule."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from payment_service.domain.ids import UserId
from payment_service.domain.subscription import Subscription

ReversalKind = Literal["refund", "dispute"]
_DISPUTE_TAKES = frozenset({"needs_response", "under_review", "lost"})
"""An inquiry (`warning_…`) has taken no money yet; a dispute that is won has given it back."""
_REFUND_TAKES = frozenset({"pending", "requires_action", "succeeded"})
DISPUTE_DENIES = timedelta(days=120)
"""Longer than any card scheme lets a dispute last, and a dispute that was lost keeps the door shut as long."""


@dataclass(frozen=True, slots=True)
class ReversalReading:
    """One refund or dispute as read from the provider; amounts in minor units, `charged` is the whole payment."""

    provider_id: str
    kind: ReversalKind
    charge_id: str
    status: str
    amount: int
    charged: int
    currency: str
    created_at: datetime
    invoice_id: str | None = None
    reason: str | None = None

    @property
    def takes(self) -> bool:
        """Whether money is gone, or about to be."""
        return self.status in (_DISPUTE_TAKES if self.kind == "dispute" else _REFUND_TAKES)

    @property
    def takes_all(self) -> bool:
        """Whether the whole payment is gone by this alone, or about to be."""
        return self.takes and (self.kind == "dispute" or self.amount >= self.charged)


@dataclass(frozen=True, slots=True)
class Reversal:
    """One refund or dispute of one person."""

    id: UUID
    user_id: UserId
    reading: ReversalReading
    read_at: datetime
    version: int = 1

    def reread(self, reading: ReversalReading, read_at: datetime) -> "Reversal":
        """Take over what the provider says now. The version counts changes, not readings."""
        return replace(
            self, reading=reading, read_at=read_at, version=self.version + (0 if reading == self.reading else 1)
        )


@dataclass(frozen=True, slots=True)
class Denial:
    """Access taken away by rule because of one reversal."""

    reversal_id: UUID
    starts_at: datetime
    expires_at: datetime
    reason: str


def denials(reversals: Sequence[Reversal], subscription: Subscription | None, now: datetime) -> list[Denial]:
    """Return what must be denied now: a function of what the provider says, whatever was denied before.

    A dispute denies until it is won or 120 days have gone. A refund of everything that was paid for the subscription's
    latest invoice, at once or in parts, denies to the end of its period; of an older invoice, or of less, it takes
    nothing away.
    """
    whole = [each for each in reversals if each.reading.kind == "dispute" and each.reading.takes]
    whole += _last_parts([each for each in reversals if each.reading.kind == "refund" and each.reading.takes])
    found = [denial for each in whole if (denial := _denial(each, subscription)) and denial.expires_at > now]
    return sorted(found, key=lambda each: (each.starts_at, each.reversal_id))


def _last_parts(refunds: Sequence[Reversal]) -> list[Reversal]:
    """Return the last refund of every charge of which nothing is left."""
    by_charge: dict[str, list[Reversal]] = defaultdict(list)
    for each in sorted(refunds, key=lambda each: (each.reading.created_at, each.reading.provider_id)):
        by_charge[each.reading.charge_id].append(each)
    return [
        parts[-1]
        for parts in by_charge.values()
        if sum(part.reading.amount for part in parts) >= parts[-1].reading.charged
    ]


def _denial(reversal: Reversal, subscription: Subscription | None) -> Denial | None:
    reading = reversal.reading
    if reading.kind == "dispute":
        expires_at = reading.created_at + DISPUTE_DENIES
        return Denial(reversal.id, reading.created_at, expires_at, f"dispute {reading.provider_id} {reading.status}")
    latest = subscription.terms if subscription else None
    if latest is None or latest.period_end is None or latest.latest_invoice_id != reading.invoice_id:
        return None
    if latest.period_end <= reading.created_at:
        return None
    return Denial(reversal.id, reading.created_at, latest.period_end, f"refund {reading.provider_id} of the period")
