"""Changing, ending and resuming a subscription, as it goes over the wire."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints

from payment_service.api.schemas import Body, PlanCode
from payment_service.application.change_subscription import ChangeWish, Preview
from payment_service.domain.changes import BillLine, Effect
from payment_service.domain.plans import Interval

Seconds = Annotated[int, Field(strict=True, ge=1, le=4_102_444_800)]
Reason = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$")]


class ChangeBody(Body):
    """What to have instead; the price is the server's business."""

    plan_code: PlanCode = Field(examples=["max"])
    interval: Interval = "month"
    proration_date: Seconds | None = Field(
        default=None, description="That of the preview: then the amounts are the ones it showed."
    )

    def wish(self) -> ChangeWish:
        """Return what is wished for."""
        at = datetime.fromtimestamp(self.proration_date, UTC) if self.proration_date else None
        return ChangeWish(self.plan_code, self.interval, at)


class CancelBody(Body):
    """It ends with the period that is paid for."""

    at_period_end: Literal[True] = True
    reason: Reason | None = Field(default=None, description="For the shop's own eyes.")


class ChangeView(BaseModel):
    """The change is made or planned; `GET /me/subscription` shows it as soon as it is confirmed."""

    plan_code: str
    interval: Interval
    takes_effect: Effect
    takes_effect_at: datetime | None = Field(description="When a later change comes.")


class WithdrawnView(BaseModel):
    """With what it goes on."""

    plan_code: str
    interval: Interval | None


class EndView(BaseModel):
    """When it ends."""

    ends_at: datetime | None


class ResumedView(BaseModel):
    """When it renews."""

    renews_at: datetime | None


class BillLineView(BaseModel):
    """One line; what is given back is negative. Minor units."""

    description: str
    amount: int
    period_start: datetime
    period_end: datetime
    proration: bool

    @classmethod
    def of(cls, line: BillLine) -> Self:
        """Return what may be shown."""
        return cls(
            description=line.description,
            amount=line.amount,
            period_start=line.period_start,
            period_end=line.period_end,
            proration=line.is_proration,
        )


class PreviewView(BaseModel):
    """What a change would cost, to the cent, by the provider's own count; amounts in minor units."""

    plan_code: str
    interval: Interval
    takes_effect: Effect
    takes_effect_at: datetime | None
    currency: str
    total: int = Field(description="Negative where more is given back than charged; the rest stays as a balance.")
    balance: int = Field(description="What the person has at the provider; negative pays for the bill.")
    amount_due: int
    due_at: datetime | None = Field(description="When `amount_due` falls due; null is at once.")
    proration_date: int | None = Field(description="Pass it on with the change; good for an hour.")
    lines: list[BillLineView]

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Return what may be shown."""
        order, bill, price = preview.order, preview.bill, preview.order.price
        is_later = order.effect == "period_end"
        counted_from = None if is_later else bill.proration_at
        return cls(
            plan_code=price.plan_code,
            interval=price.interval,
            takes_effect=order.effect,
            takes_effect_at=order.running.terms.period_end if is_later else None,
            currency=bill.currency,
            total=bill.total,
            balance=bill.balance,
            amount_due=bill.amount_due,
            due_at=preview.due_at,
            proration_date=int(counted_from.timestamp()) if counted_from else None,
            lines=[BillLineView.of(line) for line in bill.lines],
        )
