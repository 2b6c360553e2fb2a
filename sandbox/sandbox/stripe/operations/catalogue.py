"""Products and prices: the seeded catalogue, and enough to add to it."""

from typing import Any

from sandbox.stripe import params
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.ids import new_id
from sandbox.stripe.objects.catalogue import price, product
from sandbox.stripe.operations.call import LISTING, Call, Endpoint, equal, listed
from sandbox.stripe.params import Required, Spec
from sandbox.stripe.store import Condition

SEEDS = (
    ("prod_TrueCrimePro", "TrueCrime Pro", "Ten new stories a day, written for you.", "Pro", 999, 9990),
    ("prod_TrueCrimeMax", "TrueCrime Max", "Thirty new stories a day, written first.", "Max", 1999, 19990),
)


def seed(account: Account) -> None:
    """The catalogue of a new account; an account that has one keeps it."""
    if account.store.find(SEEDS[0][0]) is not None:
        return
    now = account.now()
    with account.acting():
        for product_id, name, description, plan, monthly, yearly in SEEDS:
            body = product(product_id, now, name=name, description=description, metadata={"plan": plan.lower()})
            account.keep(body)
            for interval, amount in (("month", monthly), ("year", yearly)):
                made = price(
                    f"price_TrueCrime{plan}{interval.capitalize()}",
                    now,
                    product_id=product_id,
                    currency="usd",
                    unit_amount=amount,
                    interval=interval,
                    lookup_key=f"{plan.lower()}_{interval}",
                    metadata={"plan": plan.lower()},
                )
                account.keep(made)
                if interval == "month":
                    account.change(body, default_price=made["id"])


def _create_product(account: Account, call: Call) -> JsonObject:
    given = call.params
    body = product(
        given.get("id") or new_id("prod"),
        account.now(),
        name=given["name"],
        description=given.get("description"),
        metadata=given.get("metadata") or {},
    )
    _refuse_taken_id(account, body["id"])
    account.emit("product.created", account.keep(body))
    return body


def _create_price(account: Account, call: Call) -> JsonObject:
    given = call.params
    account.fetch("product", given["product"], "product")
    lookup_key = given.get("lookup_key")
    if lookup_key is not None and account.store.page("price", [equal("lookup_key", lookup_key)], limit=1).bodies:
        message = f"A price (`{lookup_key}`) already uses that lookup key."
        raise ApiError(message, code="resource_already_exists", param="lookup_key")
    body = price(
        new_id("price"),
        account.now(),
        product_id=given["product"],
        currency=given["currency"],
        unit_amount=given["unit_amount"],
        interval=given["recurring"]["interval"],
        interval_count=given["recurring"].get("interval_count", 1),
        lookup_key=lookup_key,
        nickname=given.get("nickname"),
        metadata=given.get("metadata"),
    )
    account.emit("price.created", account.keep(body))
    return body


def _update(kind: str, account: Account, call: Call) -> JsonObject:
    body = account.fetch(kind, call.id)
    changes: dict[str, Any] = dict(call.params)
    if "metadata" in changes:
        changes["metadata"] = params.with_metadata(body["metadata"], changes["metadata"])
    return account.change(body, f"{kind}.updated", **changes)


def _list_prices(account: Account, call: Call) -> JsonObject:
    wanted = [
        equal(name, call.params[name]) for name in ("product", "currency", "active", "type") if name in call.params
    ]
    if keys := call.params.get("lookup_keys"):
        marks = ", ".join("?" * len(keys))
        wanted.append(Condition(f"json_extract(body, '$.lookup_key') IN ({marks})", tuple(keys)))
    return listed(account, call, "price", "/v1/prices", *wanted)


def _list_products(account: Account, call: Call) -> JsonObject:
    wanted = [equal("active", call.params["active"])] if "active" in call.params else []
    return listed(account, call, "product", "/v1/products", *wanted)


def _refuse_taken_id(account: Account, object_id: str) -> None:
    if account.store.find(object_id) is not None:
        raise ApiError("Product already exists.", code="resource_already_exists", param="id")


_PRICE_LIST: Spec = {
    **LISTING,
    "active": params.flag,
    "currency": params.text,
    "lookup_keys": params.each(params.text),
    "product": params.text,
    "type": params.choice("recurring", "one_time"),
}
_PRICE_CREATE: Spec = {
    "currency": Required(params.text),
    "lookup_key": params.text,
    "metadata": params.metadata,
    "nickname": params.text,
    "product": Required(params.text),
    "recurring": Required(
        params.group(
            {
                "interval": Required(params.choice("day", "week", "month", "year")),
                "interval_count": params.between(1, 36),
            }
        )
    ),
    "unit_amount": Required(params.between(0, 99_999_999)),
}
_PRODUCT_CREATE: Spec = {
    "description": params.text,
    "id": params.text,
    "metadata": params.metadata,
    "name": Required(params.text),
}
_PRICE_UPDATE = {"active": params.flag, "metadata": params.metadata, "nickname": params.clearable(params.text)}
_PRODUCT_UPDATE = {
    "active": params.flag,
    "description": params.clearable(params.text),
    "metadata": params.metadata,
    "name": params.text,
}

ENDPOINTS = (
    Endpoint("POST", "/v1/products", _create_product, _PRODUCT_CREATE),
    Endpoint("GET", "/v1/products", _list_products, {**LISTING, "active": params.flag}),
    Endpoint("GET", "/v1/products/{id}", lambda account, call: account.fetch("product", call.id), {}),
    Endpoint("POST", "/v1/products/{id}", lambda account, call: _update("product", account, call), _PRODUCT_UPDATE),
    Endpoint("POST", "/v1/prices", _create_price, _PRICE_CREATE),
    Endpoint("GET", "/v1/prices", _list_prices, _PRICE_LIST),
    Endpoint("GET", "/v1/prices/{id}", lambda account, call: account.fetch("price", call.id), {}),
    Endpoint("POST", "/v1/prices/{id}", lambda account, call: _update("price", account, call), _PRICE_UPDATE),
)
