"""Invoices of a subscription, their lines, and the items that wait for the next invoice."""

from sandbox.stripe.errors import JsonObject
from sandbox.stripe.ids import new_id

_TIMES = "\N{MULTIPLICATION SIGN}"
_SIGNS = {"usd": "$", "eur": "€", "gbp": "£"}


def rate(price: JsonObject, quantity: int = 1) -> str:
    return f"{money(price['unit_amount'] * quantity, price['currency'])} / {price['recurring']['interval']}"


def money(amount: int, currency: str) -> str:
    sign, whole = "-" if amount < 0 else "", abs(amount)
    return f"{sign}{_SIGNS.get(currency, currency.upper() + ' ')}{whole // 100:,}.{whole % 100:02d}"


_BLANK: JsonObject = {
    "account_country": "US",
    "account_name": "TrueCrime",
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": True,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "automatically_finalizes_at": None,
    "collection_method": "charge_automatically",
    "custom_fields": None,
    "customer_account": None,
    "customer_tax_ids": [],
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "due_date": None,
    "effective_at": None,
    "ending_balance": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": False,
    "metadata": {},
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "statement_descriptor": None,
    "status": "draft",
    "status_transitions": {
        "finalized_at": None,
        "marked_uncollectible_at": None,
        "paid_at": None,
        "voided_at": None,
    },
    "test_clock": None,
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
}


def period_line(
    invoice_id: str, item: JsonObject, *, product_name: str, metadata: dict[str, str], trial: bool
) -> JsonObject:
    """The line of an item's current period; a trial costs nothing."""
    price, quantity = item["price"], item["quantity"]
    return _line(
        invoice_id,
        item["subscription"],
        item["id"],
        price=price,
        quantity=quantity,
        amount=0 if trial else price["unit_amount"] * quantity,
        description=f"Trial period for {product_name}"
        if trial
        else f"{quantity} {_TIMES} {product_name} (at {rate(price)})",
        period={"end": item["current_period_end"], "start": item["current_period_start"]},
        metadata=metadata,
    )


def item_line(invoice_id: str, pending: JsonObject, price: JsonObject) -> JsonObject:
    """The line that a pending invoice item becomes."""
    details = pending["parent"]["subscription_details"]
    line = _line(
        invoice_id,
        details["subscription"],
        details["subscription_item"],
        price=price,
        quantity=pending["quantity"],
        amount=pending["amount"],
        description=pending["description"],
        period=pending["period"],
        metadata=pending["metadata"],
    )
    parent = line["parent"]["subscription_item_details"]
    described = {**parent, "invoice_item": pending["id"], "proration": pending["proration"]}
    return {
        **line,
        "discountable": pending["discountable"],
        "parent": {**line["parent"], "subscription_item_details": described},
    }


def _line(
    invoice_id: str,
    subscription_id: str,
    item_id: str,
    *,
    price: JsonObject,
    quantity: int,
    amount: int,
    description: str,
    period: JsonObject,
    metadata: dict[str, str],
) -> JsonObject:
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": metadata,
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": subscription_id,
                "subscription_item": item_id,
            },
            "type": "subscription_item_details",
        },
        "period": period,
        "pretax_credit_amounts": [],
        "pricing": pricing(price),
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subtotal": amount,
        "taxes": [],
    }


def pricing(price: JsonObject) -> JsonObject:
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def invoice_item(
    created: int, item: JsonObject, *, customer: str, amount: int, description: str, period: tuple[int, int]
) -> JsonObject:
    """A proration of a subscription's item, waiting for the next invoice. Its amount is net of discounts."""
    return {
        "id": new_id("ii"),
        "object": "invoiceitem",
        "amount": amount,
        "currency": item["price"]["currency"],
        "customer": customer,
        "customer_account": None,
        "date": created,
        "description": description,
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": amount,
        "parent": {
            "subscription_details": {"subscription": item["subscription"], "subscription_item": item["id"]},
            "type": "subscription_details",
        },
        "period": {"end": period[1], "start": period[0]},
        "pricing": pricing(item["price"]),
        "proration": True,
        "proration_details": {"credited_items": None, "discount_amounts": []},
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "tax_rates": [],
        "test_clock": None,
    }


def draft_invoice(
    invoice_id: str,
    created: int,
    *,
    customer: JsonObject,
    subscription: JsonObject,
    lines: list[JsonObject],
    reason: str,
    covered: tuple[int, int],
    discounts: list[str],
) -> JsonObject:
    """`covered` looks back, to the period in which usage would have been counted; the lines look forward."""
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    return {
        **_BLANK,
        **_billed_to(customer),
        **_amounts(lines, customer["balance"]),
        "id": invoice_id,
        "object": "invoice",
        "billing_reason": reason,
        "created": created,
        "currency": subscription["currency"],
        "discounts": discounts,
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": False,
            "total_count": len(lines),
            "url": f"/v1/invoices/{invoice_id}/lines",
        },
        "parent": {"quote_details": None, "subscription_details": details, "type": "subscription_details"},
        "period_end": covered[1],
        "period_start": covered[0],
        "webhooks_delivered_at": created,
    }


def _billed_to(customer: JsonObject) -> JsonObject:
    copied = ("address", "email", "name", "phone", "shipping", "tax_exempt")
    return {"customer": customer["id"], **{f"customer_{name}": customer[name] for name in copied}}


def _amounts(lines: list[JsonObject], balance: int) -> JsonObject:
    """A credit balance (negative) pays first; what an invoice gives back becomes one."""
    subtotal = sum(line["amount"] for line in lines)
    by_discount: dict[str, int] = {}
    for part in (part for line in lines for part in line["discount_amounts"]):
        by_discount[part["discount"]] = by_discount.get(part["discount"], 0) + part["amount"]
    total = subtotal - sum(by_discount.values())
    due = max(0, total + balance)
    return {
        "amount_due": due,
        "amount_remaining": due,
        "starting_balance": balance,
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_discount_amounts": [{"amount": amount, "discount": each} for each, amount in by_discount.items()],
        "total_excluding_tax": total,
    }
