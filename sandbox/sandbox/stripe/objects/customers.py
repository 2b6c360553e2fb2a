"""Customers, and the stub that remains of a deleted one."""

from typing import Any

from sandbox.stripe.errors import JsonObject


def customer(customer_id: str, created: int, *, invoice_prefix: str, **given: Any) -> JsonObject:
    """`given`: the parameters of the request that stand on the object as they are."""
    return {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": created,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": invoice_prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **given,
    }


def deleted_stub(customer_id: str) -> JsonObject:
    return {"id": customer_id, "object": "customer", "deleted": True}
