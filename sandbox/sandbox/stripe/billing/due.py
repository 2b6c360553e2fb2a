"""What time brings: renewals, retries, trial notices, phases, and the end of what was left open."""

import contextlib

from sandbox.stripe.account import Account
from sandbox.stripe.billing import changes, collecting, disputes, lifecycle
from sandbox.stripe.billing.ending import end_subscription, expire_incomplete
from sandbox.stripe.errors import ApiError, JsonObject


def expire_session(account: Account, body: JsonObject) -> JsonObject:
    return account.change(body, "checkout.session.expired", status="expired", url=None)


def run_due(account: Account, until: int) -> int:
    """Everything that time brings up to `until`, in order, each at its own second; the number of things done."""
    done = 0
    while (due := account.store.next_due(until)) is not None:
        moment, body = due
        with account.clock.held_at(moment), account.acting():
            _fall_due(account, body)
        done += 1
    return done


def _fall_due(account: Account, body: JsonObject) -> None:
    match body["object"]:
        case "checkout.session":
            expire_session(account, body)
        case "timer":
            account.store.replace(body, due=None)
            _ring(account, body)
        case "invoice":
            collecting.retry(account, body)
        case "subscription_schedule":
            changes.enter_phase_early(account, body)
        case _ if body["status"] == "incomplete":
            expire_incomplete(account, body)
        case _ if body["cancel_at"] is not None and body["cancel_at"] <= account.now():
            end_subscription(account, body)
        case _:
            lifecycle.renew(account, body)


def _ring(account: Account, timer: JsonObject) -> None:
    match timer["what"]:
        case "trial_will_end":
            lifecycle.trial_will_end(account, account.fetch("subscription", timer["about"]))
        case "pending_update":
            changes.expire_pending(account, account.fetch("subscription", timer["about"]))
        case "dispute":
            with contextlib.suppress(ApiError):  # somebody may have been quicker
                disputes.open_dispute(account, account.fetch("charge", timer["about"]), "fraudulent")
