"""Coupons, the promotion codes that give them, and the discounts that they become."""

from sandbox.stripe.errors import JsonObject
from sandbox.stripe.ids import new_id


def coupon(coupon_id: str, created: int, given: JsonObject) -> JsonObject:
    return {
        "id": coupon_id,
        "object": "coupon",
        "amount_off": given.get("amount_off"),
        "created": created,
        "currency": given.get("currency"),
        "duration": given.get("duration", "once"),
        "duration_in_months": given.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": given.get("max_redemptions"),
        "metadata": given.get("metadata") or {},
        "name": given.get("name"),
        "percent_off": given.get("percent_off"),
        "redeem_by": given.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }


def promotion_code(created: int, code: str, coupon_id: str, given: JsonObject) -> JsonObject:
    restrictions = given.get("restrictions", {})
    return {
        "id": new_id("promo"),
        "object": "promotion_code",
        "active": given.get("active", True),
        "code": code,
        "created": created,
        "customer": given.get("customer"),
        "customer_account": None,
        "expires_at": given.get("expires_at"),
        "livemode": False,
        "max_redemptions": given.get("max_redemptions"),
        "metadata": given.get("metadata") or {},
        "promotion": {"coupon": coupon_id, "type": "coupon"},
        "restrictions": {
            "first_time_transaction": restrictions.get("first_time_transaction", False),
            "minimum_amount": restrictions.get("minimum_amount"),
            "minimum_amount_currency": restrictions.get("minimum_amount_currency"),
        },
        "times_redeemed": 0,
    }


def discount(
    start: int,
    *,
    coupon: str,
    promotion_code: str | None,
    customer: str,
    subscription: str,
    session: str | None,
    end: int | None,
) -> JsonObject:
    return {
        "id": new_id("di"),
        "object": "discount",
        "checkout_session": session,
        "customer": customer,
        "customer_account": None,
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": promotion_code,
        "source": {"coupon": coupon, "type": "coupon"},
        "start": start,
        "subscription": subscription,
        "subscription_item": None,
    }
