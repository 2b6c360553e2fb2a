"""Schedules at work: the next phase's items take over when the running phase ends."""

from sandbox.stripe.account import Account
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.ids import new_id
from sandbox.stripe.objects.subscriptions import subscription_item, with_price


def items_now(account: Account, body: JsonObject) -> list[JsonObject]:
    """The subscription's items, or those that the phase puts in their place that begins now; not kept yet."""
    present: list[JsonObject] = body["items"]["data"]
    if body["schedule"] is None:
        return present
    schedule = account.fetch("subscription_schedule", body["schedule"])
    if schedule["status"] != "active" or schedule["current_phase"]["end_date"] > account.now():
        return present
    coming = _phase_at(schedule, account.now())
    if coming is None:
        release(account, schedule)
        return present
    account.change(
        schedule,
        "subscription_schedule.updated",
        current_phase={"end_date": coming["end_date"], "start_date": coming["start_date"]},
    )
    return [_taken_over(account, body, index, wanted) for index, wanted in enumerate(coming["items"])]


def release(account: Account, schedule: JsonObject, event: str = "subscription_schedule.released") -> JsonObject:
    """The subscription goes on as it is, on its own."""
    body = account.fetch("subscription", schedule["subscription"])
    account.change(body, "customer.subscription.updated", schedule=None)
    return account.change(
        schedule,
        event,
        status="released",
        released_at=account.now(),
        released_subscription=body["id"],
        subscription=None,
        current_phase=None,
    )


def _phase_at(schedule: JsonObject, moment: int) -> JsonObject | None:
    return next((each for each in schedule["phases"] if each["start_date"] <= moment < each["end_date"]), None)


def _taken_over(account: Account, body: JsonObject, index: int, wanted: JsonObject) -> JsonObject:
    """The item in the same place keeps its id and its period."""
    price = account.fetch("price", wanted["price"])
    present = body["items"]["data"]
    if index < len(present):
        return with_price(present[index], price, wanted["quantity"])
    first = present[0]
    return subscription_item(
        new_id("si"),
        account.now(),
        subscription_id=body["id"],
        price=price,
        quantity=wanted["quantity"],
        period=(first["current_period_start"], first["current_period_end"]),
    )
