"""Products and prices, and the older plan that a subscription item still carries."""

from sandbox.stripe.errors import JsonObject


def product(
    product_id: str, created: int, *, name: str, description: str | None, metadata: dict[str, str]
) -> JsonObject:
    return {
        "id": product_id,
        "object": "product",
        "active": True,
        "created": created,
        "default_price": None,
        "description": description,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": metadata,
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": created,
        "url": None,
    }


def price(
    price_id: str,
    created: int,
    *,
    product_id: str,
    currency: str,
    unit_amount: int,
    interval: str,
    interval_count: int = 1,
    lookup_key: str | None = None,
    nickname: str | None = None,
    metadata: dict[str, str] | None = None,
) -> JsonObject:
    return {
        "id": price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": created,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": lookup_key,
        "metadata": metadata or {},
        "nickname": nickname,
        "product": product_id,
        "recurring": {
            "interval": interval,
            "interval_count": interval_count,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def plan_of(price_body: JsonObject) -> JsonObject:
    recurring = price_body["recurring"]
    return {
        "id": price_body["id"],
        "object": "plan",
        "active": price_body["active"],
        "amount": price_body["unit_amount"],
        "amount_decimal": price_body["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price_body["created"],
        "currency": price_body["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price_body["metadata"],
        "meter": None,
        "nickname": price_body["nickname"],
        "product": price_body["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
