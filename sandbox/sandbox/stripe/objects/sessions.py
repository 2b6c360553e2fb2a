"""Checkout sessions, their line items, and portal sessions."""

from typing import Any

from sandbox.stripe.errors import JsonObject
from sandbox.stripe.ids import new_id

_BLANK_SESSION: JsonObject = {
    "adaptive_pricing": {"enabled": False},
    "after_expiration": None,
    "allow_promotion_codes": None,
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "billing_address_collection": None,
    "cancel_url": None,
    "client_reference_id": None,
    "client_secret": None,
    "collected_information": None,
    "consent": None,
    "consent_collection": None,
    "currency_conversion": None,
    "custom_fields": [],
    "custom_text": {
        "after_submit": None,
        "shipping_address": None,
        "submit": None,
        "terms_of_service_acceptance": None,
    },
    "customer": None,
    "customer_account": None,
    "customer_details": None,
    "customer_email": None,
    "discounts": [],
    "invoice": None,
    "invoice_creation": None,
    "livemode": False,
    "locale": None,
    "metadata": {},
    "mode": "subscription",
    "origin_context": None,
    "payment_intent": None,
    "payment_link": None,
    "payment_method_collection": "always",
    "payment_method_configuration_details": None,
    "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
    "payment_method_types": ["card"],
    "payment_status": "unpaid",
    "permissions": None,
    "phone_number_collection": {"enabled": False},
    "recovered_from": None,
    "saved_payment_method_options": {
        "allow_redisplay_filters": ["always"],
        "payment_method_remove": "disabled",
        "payment_method_save": None,
    },
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "status": "open",
    "submit_type": None,
    "subscription": None,
    "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    "ui_mode": "hosted_page",
    "wallet_options": None,
}


def checkout_session(session_id: str, created: int, *, url: str, currency: str, **given: Any) -> JsonObject:
    """`given`: the parameters of the request that stand on the object as they are."""
    return {
        **_BLANK_SESSION,
        "id": session_id,
        "object": "checkout.session",
        "created": created,
        "currency": currency,
        "customer_creation": "always" if given.get("customer") is None else None,
        "url": url,
        **given,
    }


def line_item(price: JsonObject, product: JsonObject, quantity: int) -> JsonObject:
    amount = price["unit_amount"] * quantity
    return {
        "id": new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": product["name"],
        "price": price,
        "quantity": quantity,
    }


def customer_details(email: str, name: str | None) -> JsonObject:
    return {
        "address": {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None},
        "email": email,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def portal_session(session_id: str, created: int, *, customer: str, url: str, **given: Any) -> JsonObject:
    return {
        "id": session_id,
        "object": "billing_portal.session",
        "configuration": "bpc_TrueCrimeDefault",
        "created": created,
        "customer": customer,
        "customer_account": None,
        "flow": None,
        "livemode": False,
        "locale": None,
        "on_behalf_of": None,
        "return_url": None,
        "url": url,
        **given,
    }


def portal_flow(given: JsonObject) -> JsonObject:
    """The one thing that a portal session was opened for."""
    cancel, update = given.get("subscription_cancel"), given.get("subscription_update")
    return {
        "after_completion": {"hosted_confirmation": None, "redirect": None, "type": "portal_homepage"},
        "customer_update": None,
        "subscription_cancel": None if cancel is None else {**cancel, "retention": None},
        "subscription_pause": None,
        "subscription_update": update,
        "subscription_update_confirm": None,
        "type": given["type"],
    }
