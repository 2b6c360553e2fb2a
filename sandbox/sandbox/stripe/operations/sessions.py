"""Checkout and portal sessions: made for the hosted pages, which do the rest."""

from typing import Any

from sandbox.stripe import params
from sandbox.stripe.account import Account
from sandbox.stripe.billing.due import expire_session
from sandbox.stripe.errors import ApiError, JsonObject, invalid
from sandbox.stripe.ids import new_id, random_text
from sandbox.stripe.objects.sessions import checkout_session, line_item, portal_flow, portal_session
from sandbox.stripe.operations.call import LISTING, Call, Endpoint, equal, listed, of_customer
from sandbox.stripe.operations.redeeming import code_named, redeemable, refuse_unusable
from sandbox.stripe.operations.subscription_specs import DISCOUNTS, TRIAL_SETTINGS
from sandbox.stripe.operations.totals import sums, with_discounts
from sandbox.stripe.params import Required, Spec

_MINUTE, _DAY = 60, 86_400
_PRIVATE = ("discounts", "line_items", "subscription_data")
_HASHES = {"adaptive_pricing", "automatic_tax", "phone_number_collection"}


def _create(account: Account, call: Call) -> JsonObject:
    given = call.params
    _check(account, given)
    now = account.now()
    settings = given.get("subscription_data", {})
    discounts = [redeemable(account, each, given.get("customer")) for each in given.get("discounts") or ()]
    items = [_line_item(account, line, index) for index, line in enumerate(given["line_items"])]
    trial = "trial_period_days" in settings or "trial_end" in settings
    items = with_discounts(account, items, discounts, trial=trial)
    session_id = new_id("cs_test")
    plain = {name: value for name, value in given.items() if name not in (*_PRIVATE, *_HASHES)}
    body = checkout_session(
        session_id,
        now,
        url=f"{account.public_url}/c/pay/{session_id}",
        currency=items[0]["currency"],
        **{
            **plain,
            "metadata": given.get("metadata") or {},
            "expires_at": _expiry(given, now),
            **sums(items, discounts),
        },
    )
    for name in _HASHES & given.keys():
        body[name] = {**body[name], **given[name]}
    # What a later step needs and the object does not show.
    return account.keep(body, {"discounts": discounts, "line_items": items, "subscription_data": settings})


def redeem_code(account: Account, session: JsonObject, typed: str) -> JsonObject:
    """Take a promotion code that was typed on the page. Raises ApiError for one that cannot be used."""
    code = code_named(account, typed)
    if code is None or not session["allow_promotion_codes"]:
        raise ApiError("This code is invalid.", code="promotion_code_invalid")
    refuse_unusable(account, code, session["customer"])
    private = account.store.private(session["id"])
    discounts = [(code["promotion"]["coupon"], code["id"])]
    settings = private["subscription_data"]
    trial = "trial_period_days" in settings or "trial_end" in settings
    items = with_discounts(account, private["line_items"], discounts, trial=trial)
    account.store.set_private(session["id"], {**private, "discounts": discounts, "line_items": items})
    return account.change(session, **sums(items, discounts))


def _check(account: Account, given: JsonObject) -> None:
    if "customer" in given and "customer_email" in given:
        message = "You may only specify one of these parameters: customer, customer_email."
        raise invalid(message, param="customer_email")
    if given.get("discounts") and given.get("allow_promotion_codes"):
        message = "You may only specify one of these parameters: allow_promotion_codes, discounts."
        raise invalid(message, param="discounts")
    if "customer" in given:
        account.fetch("customer", given["customer"], "customer")
    if not given["line_items"]:
        raise invalid("You must pass at least one line item.", param="line_items")


def _expiry(given: JsonObject, now: int) -> int:
    """Measured a minute loosely at both ends, as clients compute it before they ask."""
    expires_at: int = given.get("expires_at", now + _DAY)
    if not now + 29 * _MINUTE <= expires_at <= now + _DAY + _MINUTE:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."
        raise ApiError(message, param="expires_at")
    return expires_at


def _line_item(account: Account, line: JsonObject, index: int) -> JsonObject:
    param = f"line_items[{index}][price]"
    price = account.fetch("price", line["price"], param)
    if not price["active"]:
        raise ApiError(f"The price specified is inactive: {price['id']}", param=param)
    return line_item(price, account.fetch("product", price["product"]), line.get("quantity", 1))


def _list(account: Account, call: Call) -> JsonObject:
    fields = (("status", "status"), ("subscription", "subscription"), ("payment_intent", "payment_intent"))
    wanted = of_customer(call)
    wanted += [equal(field, call.params[name]) for name, field in fields if name in call.params]
    return listed(account, call, "checkout.session", "/v1/checkout/sessions", *wanted)


def _update(account: Account, call: Call) -> JsonObject:
    body = account.fetch("checkout.session", call.id)
    metadata = params.with_metadata(body["metadata"], call.params.get("metadata", {}))
    return account.change(body, metadata=metadata)


def _expire(account: Account, call: Call) -> JsonObject:
    body = account.fetch("checkout.session", call.id)
    if body["status"] != "open":
        message = f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {body["status"]}.'
        raise ApiError(message)
    return expire_session(account, body)


def line_items_of(account: Account, session: JsonObject) -> JsonObject:
    items = account.store.private(session["id"])["line_items"]
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return {"object": "list", "data": items, "has_more": False, "url": url}


def _line_items(account: Account, call: Call) -> JsonObject:
    return line_items_of(account, account.fetch("checkout.session", call.id))


def _create_portal(account: Account, call: Call) -> JsonObject:
    customer = account.fetch("customer", call.params["customer"], "customer")["id"]
    given: dict[str, Any] = {name: value for name, value in call.params.items() if name != "customer"}
    # The page is opened by who holds its address, so the address is not the id that logs show.
    token = random_text(48)
    given["flow"] = portal_flow(given.pop("flow_data")) if "flow_data" in given else None
    session_id = new_id("bps")
    url = f"{account.public_url}/p/session/{session_id}.{token}"
    return account.keep(
        portal_session(session_id, account.now(), customer=customer, url=url, **given), {"token": token}
    )


_LINE = params.group({"price": Required(params.text), "quantity": params.between(1, 999_999)})
_ENABLED = params.group({"enabled": Required(params.flag)})
_CREATE: Spec = {
    "adaptive_pricing": _ENABLED,
    "allow_promotion_codes": params.flag,
    "automatic_tax": _ENABLED,
    "billing_address_collection": params.choice("auto", "required"),
    "cancel_url": params.web_address,
    "client_reference_id": params.text,
    "customer": params.text,
    "customer_email": params.email,
    "discounts": DISCOUNTS,
    "expires_at": params.integer,
    "line_items": Required(params.each(_LINE)),
    "locale": params.text,
    "metadata": params.metadata,
    "mode": Required(params.choice("subscription")),
    "origin_context": params.choice("mobile_app", "web"),
    "payment_method_collection": params.choice("always"),
    "payment_method_types": params.each(params.choice("card")),
    "phone_number_collection": _ENABLED,
    "submit_type": params.choice("auto", "subscribe"),
    "subscription_data": params.group(
        {
            "description": params.text,
            "metadata": params.metadata,
            "trial_end": params.integer,
            "trial_period_days": params.between(1, 730),
            "trial_settings": TRIAL_SETTINGS,
        }
    ),
    "success_url": Required(params.web_address),
    "ui_mode": params.choice("hosted_page"),
}
_LIST: Spec = {
    **LISTING,
    "customer": params.text,
    "payment_intent": params.text,
    "status": params.choice("complete", "expired", "open"),
    "subscription": params.text,
}
_PORTAL: Spec = {
    "configuration": params.text,
    "customer": Required(params.text),
    "flow_data": params.group(
        {
            "subscription_cancel": params.group({"subscription": Required(params.text)}),
            "subscription_update": params.group({"subscription": Required(params.text)}),
            "type": Required(params.choice("payment_method_update", "subscription_cancel", "subscription_update")),
        }
    ),
    "locale": params.text,
    "return_url": params.web_address,
}

ENDPOINTS = (
    Endpoint("POST", "/v1/checkout/sessions", _create, _CREATE),
    Endpoint("GET", "/v1/checkout/sessions", _list, _LIST),
    Endpoint("GET", "/v1/checkout/sessions/{id}", lambda account, call: account.fetch("checkout.session", call.id), {}),
    Endpoint("POST", "/v1/checkout/sessions/{id}", _update, {"metadata": params.metadata}),
    Endpoint("POST", "/v1/checkout/sessions/{id}/expire", _expire, {}),
    Endpoint("GET", "/v1/checkout/sessions/{id}/line_items", _line_items, {"limit": params.between(1, 100)}),
    Endpoint("POST", "/v1/billing_portal/sessions", _create_portal, _PORTAL),
)
