"""What people are told about money and plans, in words."""

from datetime import datetime

from user_service.domain.notification import Notice, NoticeKind

_UPDATE_CARD = {"type": "update_payment_method", "href": "/payment/v1/portal-sessions"}
_WORDS = {
    "created": ("Your plan has begun", "You have the plan {plan} now."),
    "renewed": ("Your plan goes on", "Your plan {plan} is paid for again."),
    "upgraded": ("You have a larger plan", "Your plan is {plan} now."),
    "downgraded": ("You have a smaller plan", "Your plan is {plan} now."),
    "cancel_scheduled": ("Your plan will end", "Your plan {plan} ends with the period that is paid for."),
    "resumed": ("Your plan goes on after all", "Your plan {plan} no longer ends."),
    "paused": ("Your plan is paused", "Your plan {plan} is paused."),
    "cancelled": ("Your plan has ended", "Your plan {plan} has ended. What you wrote is kept."),
}
SUBSCRIPTION_CHANGES = tuple(_WORDS)


def payment_due(subscription_id: str, plan: str, day: int, grace_until: datetime) -> Notice:
    """Remind somebody of a payment that failed `day` days ago; of each spell of failing once a day of those."""
    until = f"{grace_until:%d %B %Y, %H:%M} UTC"
    title = "Your payment did not go through" if day == 0 else "Your payment is still open"
    return Notice(
        kind=NoticeKind.PAYMENT_DUE,
        dedupe_key=f"payment_due:{subscription_id}:{grace_until.isoformat()}:{day}",
        title=title,
        body=f"We could not collect the payment for your plan {plan}. It stays open to you until {until}. "
        "Please update your card, so that you lose nothing.",
        about=subscription_id,
        data={"plan": plan, "grace_until": grace_until.isoformat(), "action": _UPDATE_CARD},
        ends_at=grace_until,
    )


def subscription_changed(what: str, subscription_id: str, plan: str, version: int) -> Notice:
    """Tell what became of somebody's subscription."""
    title, body = _WORDS[what]
    return Notice(
        kind=NoticeKind.SUBSCRIPTION,
        dedupe_key=f"subscription:{subscription_id}:{version}:{what}",
        title=title,
        body=body.format(plan=plan),
        about=subscription_id,
        data={"plan": plan, "change": what},
    )


def granted(grant_id: str, meter: str, amount: int, expires_at: datetime) -> Notice:
    """Tell of units on top of somebody's plan."""
    return Notice(
        kind=NoticeKind.GRANT,
        dedupe_key=f"grant:{grant_id}",
        title="Something extra for you",
        body=f"You have {amount} more of {meter}, until {expires_at:%d %B %Y}.",
        about=grant_id,
        data={"meter": meter, "amount": amount, "expires_at": expires_at.isoformat()},
        ends_at=expires_at,
    )
