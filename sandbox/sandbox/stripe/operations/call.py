"""What an operation of the API is given, and what lists have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.stripe.account import Account
from sandbox.stripe.errors import JsonObject, invalid
from sandbox.stripe.params import Spec, between, span, text
from sandbox.stripe.store import Condition

LISTING: Spec = {
    "limit": between(1, 100),
    "starting_after": text,
    "ending_before": text,
    "created": span,
}
_DEFAULT_LIMIT = 10
_RANGES = {"gt": "created > ?", "gte": "created >= ?", "lt": "created < ?", "lte": "created <= ?"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request after validation: `path` holds the ids of the address."""

    path: Mapping[str, str]
    params: JsonObject

    @property
    def id(self) -> str:
        return self.path["id"]


Operation = Callable[[Account, Call], JsonObject]


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    path: str
    operation: Operation
    spec: Spec


def listed(account: Account, call: Call, kind: str, url: str, *conditions: Condition) -> JsonObject:
    """A page of a list, newest first, from cursors that must name objects of that list."""
    params = call.params
    after, before = params.get("starting_after"), params.get("ending_before")
    if after is not None and before is not None:
        raise invalid("You cannot use both starting_after and ending_before.", param="ending_before")
    for name in ("starting_after", "ending_before"):
        if name in params:
            account.fetch(kind, params[name], name)
    wanted = list(conditions)
    wanted += [Condition(_RANGES[name], (moment,)) for name, moment in params.get("created", {}).items()]
    limit = params.get("limit", _DEFAULT_LIMIT)
    page = account.store.page(kind, wanted, limit=limit, after=after, before=before)
    return {"object": "list", "data": page.bodies, "has_more": page.has_more, "url": url}


def equal(field: str, value: object) -> Condition:
    """A condition on a field of the body; `field` is one of ours, never the caller's."""
    return Condition("json_extract(body, ?) = ?", (f"$.{field}", value))


def of_customer(call: Call) -> list[Condition]:
    customer = call.params.get("customer")
    return [Condition("customer = ?", (customer,))] if customer else []
