"""How what we keep differs from what the provider says, in words that may stand in a report."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from payment_service.domain.invoice import Invoice
from payment_service.domain.json_text import rfc3339
from payment_service.domain.reversal import Reversal
from payment_service.domain.subscription import Subscription, Terms

_TERMS = tuple(field.name for field in fields(Terms) if field.name != "provider_id")


@dataclass(frozen=True, slots=True)
class Drift:
    """One field that differed; None stands for nothing at all. Ids and plain values only."""

    field: str
    ours: str | None
    theirs: str | None

    def document(self) -> dict[str, str | None]:
        """Return it as events and reports carry it."""
        return {"field": self.field, "ours": self.ours, "theirs": self.theirs}


def subscription_drift(old: Subscription | None, new: Subscription) -> Iterator[Drift]:
    """Tell in what a subscription as kept differs from one as read."""
    name = f"subscription:{new.terms.provider_id}"
    if old is None:
        yield Drift(name, None, new.terms.status.value)
        return
    if old.plan_code != new.plan_code:
        yield Drift(f"{name}.plan", old.plan_code, new.plan_code)
    for field in _TERMS:
        ours, theirs = getattr(old.terms, field), getattr(new.terms, field)
        if ours != theirs:
            yield Drift(f"{name}.{field}", _text(ours), _text(theirs))


def history_drift(old: Invoice | Reversal | None, new: Invoice | Reversal) -> Iterator[Drift]:
    """Tell that an invoice, refund or dispute as kept differs from one as read, by its status."""
    if old is None or old.reading != new.reading:
        kind = new.reading.kind if isinstance(new, Reversal) else "invoice"
        yield Drift(f"{kind}:{new.reading.provider_id}.status", old.reading.status if old else None, new.reading.status)


def _text(value: Any) -> str | None:
    return rfc3339(value) if isinstance(value, datetime) else None if value is None else str(value)
