"""Subscription schedules: made from a running subscription, given phases, released or canceled."""

from typing import Any

from sandbox.stripe import params
from sandbox.stripe.account import LIVE_STATUSES, Account
from sandbox.stripe.billing.ending import end_subscription
from sandbox.stripe.billing.schedules import release
from sandbox.stripe.errors import ApiError, JsonObject, invalid
from sandbox.stripe.objects.schedules import phase, phase_item, schedule
from sandbox.stripe.operations.call import LISTING, Call, Endpoint, listed, of_customer
from sandbox.stripe.operations.subscription_specs import NEW_ITEM, PRORATION
from sandbox.stripe.params import Required, Spec
from sandbox.stripe.periods import period_end

_ENDLESS = {"interval": "month", "interval_count": 1}


def create_schedule(account: Account, call: Call) -> JsonObject:
    """Its one phase is the running period, with what the subscription has now."""
    body = account.fetch("subscription", call.params["from_subscription"], "from_subscription")
    if body["status"] not in LIVE_STATUSES:
        raise ApiError("You cannot migrate a subscription that is not running.", param="from_subscription")
    if body["schedule"] is not None:
        message = f"You cannot migrate a subscription that is already attached to a schedule: {body['schedule']}"
        raise ApiError(message, param="from_subscription")
    first = body["items"]["data"][0]
    running = phase(
        (first["current_period_start"], first["current_period_end"]),
        [phase_item(item["price"]["id"], item["quantity"]) for item in body["items"]["data"]],
        currency=body["currency"],
        proration="create_prorations",
        metadata={},
    )
    made = schedule(account.now(), customer=body["customer"], subscription=body["id"], phases=[running])
    account.emit("subscription_schedule.created", account.keep(made))
    account.change(body, "customer.subscription.updated", schedule=made["id"])
    return made


def update_schedule(account: Account, call: Call) -> JsonObject:
    """The phases from the current one on, and what the schedule is labelled with."""
    body = _active(account, call.id)
    given = call.params
    changes: dict[str, Any] = {name: given[name] for name in ("end_behavior",) if name in given}
    if "metadata" in given:
        changes["metadata"] = params.with_metadata(body["metadata"], given["metadata"])
    if "phases" in given:
        phases = _phases(account, body, given["phases"])
        now = account.now()
        current = next((each for each in phases if each["start_date"] <= now < each["end_date"]), None)
        if current is None:
            raise ApiError("One of the phases must be the current one.", param="phases")
        changes["phases"] = phases
        changes["current_phase"] = {"end_date": current["end_date"], "start_date": current["start_date"]}
    return account.change(body, "subscription_schedule.updated", **changes)


def _phases(account: Account, body: JsonObject, asked: list[JsonObject]) -> list[JsonObject]:
    subscription = account.fetch("subscription", body["subscription"])
    phases: list[JsonObject] = []
    start = body["current_phase"]["start_date"]
    for index, each in enumerate(asked):
        begun = each.get("start_date", start)
        if begun != start:
            message = "Each phase must begin when the one before it ends, and the first when the current one began."
            raise ApiError(message, param=f"phases[{index}][start_date]")
        end = _end(account, each, start, index)
        for place, item in enumerate(each["items"]):
            account.fetch("price", item["price"], f"phases[{index}][items][{place}][price]")
        phases.append(
            phase(
                (start, end),
                [phase_item(item["price"], item.get("quantity", 1)) for item in each["items"]],
                currency=subscription["currency"],
                proration=each.get("proration_behavior", "create_prorations"),
                metadata=each.get("metadata") or {},
            )
        )
        start = end
    if not phases:
        raise invalid("You must pass at least one phase.", param="phases")
    return phases


def _end(account: Account, asked: JsonObject, start: int, index: int) -> int:
    """Where a phase ends: as asked, after its duration, or after one interval of its first price."""
    if "end_date" in asked:
        end: int = asked["end_date"]
        if end <= start:
            raise ApiError("A phase must end after it begins.", param=f"phases[{index}][end_date]")
        return end
    if "duration" in asked:
        return period_end(start, start, {"interval_count": 1, **asked["duration"]})
    price = account.fetch("price", asked["items"][0]["price"]) if asked["items"] else None
    return period_end(start, start, _ENDLESS if price is None else price["recurring"])


def _release(account: Account, call: Call) -> JsonObject:
    return release(account, _active(account, call.id))


def _cancel(account: Account, call: Call) -> JsonObject:
    """Its subscription ends with it."""
    body = _active(account, call.id)
    end_subscription(account, account.fetch("subscription", body["subscription"]))
    return account.fetch("subscription_schedule", call.id)


def _active(account: Account, schedule_id: str) -> JsonObject:
    body = account.fetch("subscription_schedule", schedule_id)
    if body["status"] != "active":
        message = f"You cannot change a subscription schedule that is in the `{body['status']}` status."
        raise ApiError(message)
    return body


_PHASE = params.group(
    {
        "duration": params.group(
            {
                "interval": Required(params.choice("day", "week", "month", "year")),
                "interval_count": params.between(1, 60),
            }
        ),
        "end_date": params.integer,
        "items": Required(params.each(NEW_ITEM)),
        "metadata": params.metadata,
        "proration_behavior": PRORATION,
        "start_date": params.integer,
    }
)
_UPDATE: Spec = {
    "end_behavior": params.choice("release"),
    "metadata": params.metadata,
    "phases": params.each(_PHASE),
    "proration_behavior": PRORATION,
}
_URL = "/v1/subscription_schedules"

ENDPOINTS = (
    Endpoint("POST", _URL, create_schedule, {"from_subscription": Required(params.text)}),
    Endpoint(
        "GET",
        _URL,
        lambda account, call: listed(account, call, "subscription_schedule", _URL, *of_customer(call)),
        {**LISTING, "customer": params.text},
    ),
    Endpoint("GET", f"{_URL}/{{id}}", lambda account, call: account.fetch("subscription_schedule", call.id), {}),
    Endpoint("POST", f"{_URL}/{{id}}", update_schedule, _UPDATE),
    Endpoint("POST", f"{_URL}/{{id}}/release", _release, {"preserve_cancel_date": params.flag}),
    Endpoint("POST", f"{_URL}/{{id}}/cancel", _cancel, {"invoice_now": params.flag, "prorate": params.flag}),
)
