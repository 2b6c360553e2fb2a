"""Subscriptions in billing mode flexible: the periods stand on the items."""

from sandbox.stripe.errors import JsonObject
from sandbox.stripe.objects.catalogue import plan_of

_BLANK: JsonObject = {
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_cycle_anchor_config": None,
    "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
    "billing_schedules": [],
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {"comment": None, "feedback": None, "reason": None},
    "collection_method": "charge_automatically",
    "customer_account": None,
    "days_until_due": None,
    "default_source": None,
    "default_tax_rates": [],
    "discounts": [],
    "ended_at": None,
    "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    "latest_invoice": None,
    "livemode": False,
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "payment_settings": {
        "payment_method_options": {"card": {"network": None, "request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "status": "active",
    "test_clock": None,
    "transfer_data": None,
    "trial_end": None,
    "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    "trial_start": None,
}


def subscription(
    subscription_id: str,
    created: int,
    *,
    customer: str,
    currency: str,
    items: list[JsonObject],
    payment_method: str | None,
    description: str | None,
    metadata: dict[str, str],
) -> JsonObject:
    return {
        **_BLANK,
        "id": subscription_id,
        "object": "subscription",
        "billing_cycle_anchor": created,
        "created": created,
        "currency": currency,
        "customer": customer,
        "default_payment_method": payment_method,
        "description": description,
        "items": {
            "object": "list",
            "data": items,
            "has_more": False,
            "total_count": len(items),
            "url": f"/v1/subscription_items?subscription={subscription_id}",
        },
        "metadata": metadata,
        "start_date": created,
    }


def subscription_item(
    item_id: str, created: int, *, subscription_id: str, price: JsonObject, quantity: int, period: tuple[int, int]
) -> JsonObject:
    return {
        "id": item_id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": created,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def with_price(item: JsonObject, price: JsonObject, quantity: int) -> JsonObject:
    """The same item, now for another price."""
    return {**item, "plan": plan_of(price), "price": price, "quantity": quantity}
