"""What goes over the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from payment_service.application.read_picture import Picture
from payment_service.domain.checkout import Checkout, CheckoutState
from payment_service.domain.invoice import Invoice, InvoiceStatus
from payment_service.domain.plans import Interval, Plan, Window
from payment_service.domain.subscription import ProviderStatus

PlanCode = Annotated[str, StringConstraints(strict=True, max_length=32, pattern="^[a-z0-9_]{2,32}$")]
ReturnPath = Annotated[
    str,
    StringConstraints(strict=True, max_length=512, pattern=r"^/([\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x5b\x5d-\x7e]*)?$"),
]


PromoCode = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern="^[A-Za-z0-9_-]+$")]


class Body(BaseModel):
    """A request body: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid")


class CheckoutBody(Body):
    """What to buy; the price is the server's business."""

    plan_code: PlanCode = Field(examples=["pro"])
    interval: Interval = "month"
    promo_code: PromoCode | None = Field(default=None, description="Without one, a code may be typed on the page.")
    return_path: ReturnPath = Field(default="/", description="Where in the web application to come back to.")


class PortalBody(Body):
    """Where in the web application to come back to."""

    return_path: ReturnPath = "/"


class FlagView(BaseModel):
    """Something that is allowed or not."""

    kind: Literal["flag"]
    value: bool


class LimitView(BaseModel):
    """So much in a window, or `unlimited`."""

    kind: Literal["limit"]
    limit: int | None = None
    unlimited: bool | None = None
    window: Window


class ConfigView(BaseModel):
    """A value that the plan sets."""

    kind: Literal["config"]
    value: Any


Features = dict[str, Annotated[FlagView | LimitView | ConfigView, Field(discriminator="kind")]]


class PriceView(BaseModel):
    """What a plan costs, in minor units of its currency."""

    currency: str
    unit_amount: int
    interval: Interval


class PlanView(BaseModel):
    """One plan that may be chosen."""

    code: str
    name: str
    rank: int
    is_default: bool
    description: str
    trial_days: int = Field(description="For whoever never had a subscription.")
    prices: list[PriceView]
    features: Features

    @classmethod
    def document(cls, plan: Plan) -> dict[str, Any]:
        """Return the plan as it goes over the wire, without a model in between."""
        prices = [
            {"currency": price.currency, "unit_amount": price.unit_amount, "interval": price.interval}
            for price in plan.prices
        ]
        names = ("code", "name", "rank", "is_default", "description", "trial_days")
        return {name: getattr(plan, name) for name in names} | {"prices": prices, "features": plan.features()}


class PlanList(BaseModel):
    """All plans, from the least to the most."""

    items: list[PlanView]


class PlanName(BaseModel):
    """A plan by code and rank."""

    code: str
    rank: int


class PeriodView(BaseModel):
    """The billing period that windows of kind `period` follow."""

    start: datetime | None
    end: datetime


class ActionView(BaseModel):
    """What the person can do about it."""

    type: Literal["checkout", "update_payment_method"]
    href: str


class GrantedView(BaseModel):
    """Units on top of the plan that count now."""

    id: UUID
    meter: str
    amount: int
    priority: int
    effective_at: datetime
    expires_at: datetime


class AccessView(BaseModel):
    """The access snapshot: what a person may do now, and until when that holds by itself."""

    user_id: UUID
    version: int
    state: Literal["none", "pending", "trialing", "active", "grace", "delinquent", "paused", "ended"]
    entitled: bool
    plan: PlanName
    period: PeriodView | None
    features: Features
    grants: list[GrantedView] = Field(description="In the order in which they burn.")
    reason: str | None
    action: ActionView | None
    next_change_at: datetime | None
    computed_at: datetime
    ttl_seconds: int


class PayView(BaseModel):
    """What the owner can do about a payment: pay or authenticate on the bill's page, or see to the card."""

    type: Literal["pay_invoice", "update_payment_method"]
    href: str


class PendingView(BaseModel):
    """A change that has not come yet: planned for `at`, or waiting until then for its payment."""

    kind: Literal["scheduled", "unpaid"]
    plan_code: str | None
    interval: Interval | None
    at: datetime | None


class SubscriptionView(BaseModel):
    """The subscription that decides, and how its payments stand."""

    id: str
    plan_code: str
    interval: Interval | None
    status: ProviderStatus
    period_start: datetime | None
    period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    ended_at: datetime | None
    next_invoice_at: datetime | None
    past_due_since: datetime | None
    grace_until: datetime | None
    pending_change: PendingView | None
    action: PayView | None

    @classmethod
    def of_picture(cls, picture: Picture) -> Self:
        """Return what may be shown, with what is to come and to do."""
        subscription, terms = picture.subscription, picture.subscription.terms
        return cls(
            id=terms.provider_id,
            plan_code=subscription.plan_code,
            interval=cast("Interval | None", terms.interval),
            status=terms.status,
            period_start=terms.period_start,
            period_end=terms.period_end,
            trial_end=terms.trial_end,
            cancel_at_period_end=terms.cancel_at_period_end,
            cancel_at=terms.cancel_at,
            ended_at=terms.ended_at,
            next_invoice_at=terms.period_end if terms.is_live and not terms.is_ending else None,
            past_due_since=subscription.past_due_since,
            grace_until=subscription.grace_until,
            pending_change=PendingView.model_validate(picture.pending, from_attributes=True)
            if picture.pending
            else None,
            action=PayView.model_validate(dict(picture.action)) if picture.action else None,
        )


class InvoiceView(BaseModel):
    """One invoice; amounts in minor units."""

    id: UUID
    number: str | None
    status: InvoiceStatus
    currency: str
    amount_due: int
    amount_paid: int
    period_start: datetime | None
    period_end: datetime | None
    created_at: datetime
    paid_at: datetime | None
    hosted_url: str | None = Field(description="A page of Stripe's.")
    pdf_url: str | None

    @classmethod
    def of(cls, invoice: Invoice) -> Self:
        """Return what may be shown."""
        names = [name for name in cls.model_fields if name != "id"]
        return cls(id=invoice.id, **{name: getattr(invoice.reading, name) for name in names})


class CheckoutOpened(BaseModel):
    """Send the browser to `url`."""

    id: UUID
    url: str
    expires_at: datetime


class CheckoutView(BaseModel):
    """How far a checkout has come; `access` is true once the payment is confirmed."""

    id: UUID
    state: CheckoutState
    plan_code: str
    url: str | None
    expires_at: datetime
    trial_days: int
    access: bool

    @classmethod
    def of(cls, checkout: Checkout, *, access: bool) -> Self:
        """Return what may be shown."""
        return cls(
            id=checkout.id,
            state=checkout.state,
            plan_code=checkout.price.plan_code,
            url=checkout.url,
            expires_at=checkout.expires_at,
            trial_days=checkout.trial_days,
            access=access,
        )


class PortalOpened(BaseModel):
    """Send the browser to `url`."""

    url: str


class Received(BaseModel):
    """The event is stored; Stripe need not send it again."""

    received: Literal[True] = True
