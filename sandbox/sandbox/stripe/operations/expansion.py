"""`expand[]`: ids become the objects they name, and what an answer leaves out by default comes in."""

from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.operations.sessions import line_items_of
from sandbox.stripe.store import Condition

_DEPTH = 4
_REFERENCES = {
    "charge",
    "coupon",
    "customer",
    "default_payment_method",
    "default_price",
    "discounts",
    "invoice",
    "latest_charge",
    "latest_invoice",
    "payment_intent",
    "payment_method",
    "price",
    "product",
    "promotion_code",
    "schedule",
    "subscription",
}


def expand(account: Account, body: JsonObject, path: str) -> None:
    """Changes `body`, which must be a copy of what is kept."""
    parts = path.split(".")
    if len(parts) > _DEPTH + (parts[0] == "data"):
        message = f"You cannot expand more than {_DEPTH} levels of a property: {path}."
        raise ApiError(message, param="expand")
    _expand(account, body, parts, path)


def _expand(account: Account, node: Any, parts: list[str], path: str) -> None:
    if isinstance(node, list):
        for child in node:
            _expand(account, child, parts, path)
        return
    name, rest = parts[0], parts[1:]
    if name not in node:
        node[name] = _left_out(account, node, name, path)
    elif name in _REFERENCES and isinstance(node[name], list):
        node[name] = [account.store.find(each) if isinstance(each, str) else each for each in node[name]]
    elif isinstance(node[name], str):
        found = account.store.find(node[name]) if name in _REFERENCES else None
        if found is None:
            raise _unexpandable(path)
        node[name] = found
    elif not rest and node[name] is not None and name not in _REFERENCES:
        raise _unexpandable(path)
    if rest and node[name] is not None:
        _expand(account, node[name], rest, path)


def _left_out(account: Account, node: JsonObject, name: str, path: str) -> JsonObject | None:
    match node.get("object"), name:
        case "checkout.session", "line_items":
            return line_items_of(account, node)
        case "invoice", "confirmation_secret":
            return _secret(account, node)
        case "invoice", "payments":
            paid = Condition("json_extract(body, '$.invoice') = ?", (node["id"],))
            return _list(account, "invoice_payment", paid, f"/v1/invoice_payments?invoice={node['id']}")
        case "customer", "subscriptions":
            live = Condition(
                "customer = ? AND json_extract(body, '$.status') NOT IN ('canceled', 'incomplete_expired')",
                (node["id"],),
            )
            return _list(account, "subscription", live, f"/v1/customers/{node['id']}/subscriptions")
    raise _unexpandable(path)


def _secret(account: Account, invoice: JsonObject) -> JsonObject | None:
    """What a page needs to confirm the payment of an invoice that has one."""
    paid = account.store.page("invoice_payment", [Condition("json_extract(body, '$.invoice') = ?", (invoice["id"],))])
    if not paid.bodies:
        return None
    intent = account.fetch("payment_intent", paid.bodies[0]["payment"]["payment_intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def _list(account: Account, kind: str, condition: Condition, url: str) -> JsonObject:
    page = account.store.page(kind, [condition], limit=10)
    return {"object": "list", "data": page.bodies, "has_more": page.has_more, "url": url}


def _unexpandable(path: str) -> ApiError:
    message = f"This property cannot be expanded ({path})."
    return ApiError(message, param="expand", remembered=False)
