"""Coupons and promotion codes."""

from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.stripe import params
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, JsonObject, invalid
from sandbox.stripe.ids import random_text
from sandbox.stripe.objects.discounts import coupon, promotion_code
from sandbox.stripe.operations.call import LISTING, Call, Endpoint, equal, listed
from sandbox.stripe.operations.redeeming import code_named
from sandbox.stripe.params import Required, Spec
from sandbox.stripe.store import Condition


def _percent(value: Any, path: str) -> float:
    try:
        number = Decimal(params.text(value, path))
    except InvalidOperation as error:
        raise invalid(f"Invalid decimal: {value}", param=path) from error
    if not number.is_finite() or not 0 < number <= 100:
        raise invalid("percent_off must be greater than 0 and at most 100.", param=path)
    return float(number)


def _create_coupon(account: Account, call: Call) -> JsonObject:
    given = call.params
    if ("percent_off" in given) == ("amount_off" in given):
        raise invalid("You must pass either percent_off or amount_off.", param="percent_off")
    if "amount_off" in given and "currency" not in given:
        raise invalid("You must pass currency when passing amount_off.", param="currency", code="parameter_missing")
    if (given.get("duration") == "repeating") != ("duration_in_months" in given):
        message = "duration_in_months belongs to the duration repeating, and to no other."
        raise invalid(message, param="duration_in_months")
    coupon_id = given.get("id") or random_text(8)
    if account.store.find(coupon_id) is not None:
        raise ApiError("Coupon already exists.", code="resource_already_exists", param="id")
    body = account.keep(coupon(coupon_id, account.now(), given))
    account.emit("coupon.created", body)
    return body


def _delete_coupon(account: Account, call: Call) -> JsonObject:
    """Discounts that it gave go on; nobody gets it any more."""
    body = account.fetch("coupon", call.id)
    body = account.change(body, valid=False)
    account.emit("coupon.deleted", body)
    return {"id": call.id, "object": "coupon", "deleted": True}


def _create_code(account: Account, call: Call) -> JsonObject:
    given = call.params
    chosen = account.fetch("coupon", given["promotion"]["coupon"], "promotion[coupon]")
    code = given.get("code") or random_text(8).upper()
    if code_named(account, code) is not None:
        message = f"An active promotion code with `code: {code}` already exists."
        raise ApiError(message, code="resource_already_exists", param="code")
    if "customer" in given:
        account.fetch("customer", given["customer"], "customer")
    body = account.keep(promotion_code(account.now(), code, chosen["id"], given))
    account.emit("promotion_code.created", body)
    return body


def _update_code(account: Account, call: Call) -> JsonObject:
    body = account.fetch("promotion_code", call.id)
    changes: dict[str, Any] = dict(call.params)
    if "metadata" in changes:
        changes["metadata"] = params.with_metadata(body["metadata"], changes["metadata"])
    return account.change(body, "promotion_code.updated", **changes)


def _list_codes(account: Account, call: Call) -> JsonObject:
    given = call.params
    wanted = [equal(name, given[name]) for name in ("active", "customer") if name in given]
    if "coupon" in given:
        wanted.append(equal("promotion.coupon", given["coupon"]))
    if "code" in given:
        wanted.append(Condition("lower(json_extract(body, '$.code')) = ?", (given["code"].lower(),)))
    return listed(account, call, "promotion_code", "/v1/promotion_codes", *wanted)


_COUPON: Spec = {
    "amount_off": params.between(1, 99_999_999),
    "currency": params.text,
    "duration": params.choice("forever", "once", "repeating"),
    "duration_in_months": params.between(1, 60),
    "id": params.text,
    "max_redemptions": params.between(1, 99_999_999),
    "metadata": params.metadata,
    "name": params.text,
    "percent_off": _percent,
    "redeem_by": params.integer,
}
_RESTRICTIONS = params.group(
    {
        "first_time_transaction": params.flag,
    }
)
_CODE: Spec = {
    "active": params.flag,
    "code": params.text,
    "customer": params.text,
    "expires_at": params.integer,
    "max_redemptions": params.between(1, 99_999_999),
    "metadata": params.metadata,
    "promotion": Required(params.group({"coupon": Required(params.text), "type": Required(params.choice("coupon"))})),
    "restrictions": _RESTRICTIONS,
}

ENDPOINTS = (
    Endpoint("POST", "/v1/coupons", _create_coupon, _COUPON),
    Endpoint("GET", "/v1/coupons", lambda account, call: listed(account, call, "coupon", "/v1/coupons"), {**LISTING}),
    Endpoint("GET", "/v1/coupons/{id}", lambda account, call: account.fetch("coupon", call.id), {}),
    Endpoint("DELETE", "/v1/coupons/{id}", _delete_coupon, {}),
    Endpoint("POST", "/v1/promotion_codes", _create_code, _CODE),
    Endpoint(
        "GET",
        "/v1/promotion_codes",
        _list_codes,
        {**LISTING, "active": params.flag, "code": params.text, "coupon": params.text, "customer": params.text},
    ),
    Endpoint("GET", "/v1/promotion_codes/{id}", lambda account, call: account.fetch("promotion_code", call.id), {}),
    Endpoint("POST", "/v1/promotion_codes/{id}", _update_code, {"active": params.flag, "metadata": params.metadata}),
)
