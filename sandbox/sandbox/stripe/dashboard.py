"""The account at a glance: its clock, its people, what they pay, and what was told to the webhook endpoint."""

import contextlib
import time
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.pages.pages import page
from sandbox.stripe.account import Account
from sandbox.stripe.billing.disputes import close_dispute, open_dispute, refund_charge
from sandbox.stripe.billing.policy import policy_of, set_policy
from sandbox.stripe.checkout import TEMPLATES
from sandbox.stripe.control import advance
from sandbox.stripe.delivery_modes import held_count, modes_of, release, set_modes
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.objects.invoices import money, rate
from sandbox.stripe.operations.call import equal
from sandbox.stripe.periods import period_end
from sandbox.stripe.store import Condition
from sandbox.stripe.views import KINDS, invoice_row, moment
from sandbox.stripe.webhooks import Deliverer, delivery_log, pending_count, redeliver

_ROWS = 25
_STEPS: Mapping[str, JsonObject | None] = {
    "hour": None,
    "day": {"interval": "day", "interval_count": 1},
    "month": {"interval": "month", "interval_count": 1},
}


class Dashboard:
    def __init__(self, account: Account, deliverer: Deliverer, webhook_url: str) -> None:
        self._account = account
        self._deliverer = deliverer
        self._webhook_url = webhook_url

    def routes(self) -> list[Route]:
        return [
            Route("/", self._show, methods=["GET"]),
            Route("/clock/{step}", self._advance, methods=["POST"]),
            Route("/delivery", self._set_delivery, methods=["POST"]),
            Route("/delivery/release", self._release, methods=["POST"]),
            Route("/billing", self._set_billing, methods=["POST"]),
            Route("/charges/{id}/{deed}", self._move_money, methods=["POST"]),
            Route("/disputes/{id}/{outcome}", self._decide, methods=["POST"]),
            Route("/events/{id}/redeliver", self._redeliver, methods=["POST"]),
        ]

    async def _show(self, _request: Request) -> Response:
        emails = {body["id"]: body["email"] or body["id"] for body in self._latest("customer", _PRESENT)}
        return page(
            TEMPLATES,
            "dashboard.html.jinja",
            now=moment(self._account.now()),
            offset_days=self._account.clock.offset // 86_400,
            emails=emails,
            customers=[_customer_row(body) for body in self._latest("customer", _PRESENT)],
            subscriptions=[_subscription_row(body, emails) for body in self._latest("subscription")],
            invoices=[invoice_row(body) for body in self._latest("invoice")],
            deliveries=[_delivery_row(entry) for entry in delivery_log(self._account.store, 60)],
            charges=[self._charge_row(body) for body in self._latest("charge", _PAID)],
            pending=pending_count(self._account.store),
            held=held_count(self._account.store),
            modes=modes_of(self._account.store),
            policy=policy_of(self._account.store),
            webhook_url=self._webhook_url,
        )

    async def _advance(self, request: Request) -> Response:
        step = request.path_params["step"]
        if step in _STEPS:
            now, recurring = self._account.now(), _STEPS[step]
            seconds = 3600 if recurring is None else period_end(now, now, recurring) - now
            await advance(self._account, self._deliverer, seconds)
        return RedirectResponse("/", 303)

    async def _set_delivery(self, request: Request) -> Response:
        """Percentages and seconds as the form has them; what is no number is left out."""
        form = await request.form()
        wanted: JsonObject = {"hold": form.get("hold") == "yes"}
        for name in ("seed", "delay_s", "shuffle_s"):
            wanted[name] = _number(form.get(name))
        for name in ("duplicate", "drop", "wrong_signature"):
            wanted[name] = _number(form.get(name)) / 100
        return self._done("webhooks", lambda: set_modes(self._account.store, wanted))

    async def _release(self, request: Request) -> Response:
        form = await request.form()
        wanted = {"order": str(form.get("order", "kept")), "seed": _number(form.get("seed"))}
        return self._done("webhooks", lambda: release(self._account.store, wanted, time.time()))

    async def _set_billing(self, request: Request) -> Response:
        form = await request.form()
        wanted = {"after_last_retry": str(form.get("after_last_retry"))}
        return self._done("clock", lambda: set_policy(self._account.store, wanted))

    async def _move_money(self, request: Request) -> Response:
        """Give a charge back, or let its bank dispute it."""

        def move() -> object:
            charge = self._account.fetch("charge", request.path_params["id"])
            if request.path_params["deed"] == "refund":
                return refund_charge(self._account, charge, {})
            return open_dispute(self._account, charge, "fraudulent")

        return self._done("payments", move)

    async def _decide(self, request: Request) -> Response:
        won = request.path_params["outcome"] == "won"

        def decide() -> object:
            body = self._account.fetch("dispute", request.path_params["id"])
            return close_dispute(self._account, body, "won" if won else "lost")

        return self._done("payments", decide)

    def _done(self, anchor: str, act: Callable[[], object]) -> Response:
        """Do it, or leave all as it is, and show the account."""
        with contextlib.suppress(ApiError, ValueError), self._account.acting():
            act()
        self._deliverer.wake()
        return RedirectResponse(f"/#{anchor}", 303)

    def _charge_row(self, body: JsonObject) -> JsonObject:
        disputes = self._account.store.page("dispute", [equal("charge", body["id"])], limit=1).bodies
        state = disputes[0]["status"] if disputes else "refunded" if body["refunded"] else "paid"
        return {
            "id": body["id"],
            "payer": body["billing_details"]["email"] or body["customer"],
            "amount": money(body["amount"], body["currency"]),
            "given_back": money(body["amount_refunded"], body["currency"]) if body["amount_refunded"] else None,
            "state": state.replace("_", " "),
            "kind": "good" if state in ("paid", "won") else "bad" if state == "lost" else "warn",
            "dispute": disputes[0]["id"] if disputes and disputes[0]["status"] not in ("won", "lost") else None,
            "whole": not disputes and not body["refunded"],
            "at": moment(body["created"]),
        }

    async def _redeliver(self, request: Request) -> Response:
        try:
            redeliver(self._account, request.path_params["id"])
        except ApiError:
            return RedirectResponse("/", 303)
        self._deliverer.wake()
        return RedirectResponse("/#webhooks", 303)

    def _latest(self, kind: str, *conditions: Condition) -> list[JsonObject]:
        return self._account.store.page(kind, conditions, limit=_ROWS).bodies


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, str) and value else 0.0
    except ValueError:
        return 0.0


_PAID = Condition("json_extract(body, '$.paid') = 1")
_PRESENT = Condition("json_extract(body, '$.deleted') IS NULL")


def _customer_row(body: JsonObject) -> JsonObject:
    return {
        "id": body["id"],
        "email": body["email"] or "",
        "name": body["name"] or "",
        "created": moment(body["created"]),
    }


def _subscription_row(body: JsonObject, emails: Mapping[str, str]) -> JsonObject:
    item = body["items"]["data"][0]
    price = item["price"]
    ending = body["cancel_at"] is not None and body["status"] != "canceled"
    return {
        "id": body["id"],
        "customer": emails.get(body["customer"], body["customer"]),
        "price": price["lookup_key"] or price["id"],
        "amount": rate(price, item["quantity"]),
        "status": body["status"],
        "kind": KINDS.get(body["status"], "plain"),
        "ending": ending,
        "until": moment(body["ended_at"] or item["current_period_end"]),
    }


def _delivery_row(entry: JsonObject) -> JsonObject:
    last = entry["attempts"][-1] if entry["attempts"] else None
    waits = entry["state"] if entry["state"] in ("dropped", "held") else "waiting"
    said = waits if last is None else last["status"] or last["error"]
    return {
        **entry,
        "said": said,
        "kind": "good" if entry["state"] == "delivered" else "plain" if last is None else "bad",
        "at": None if last is None else moment(int(last["at"])),
        "milliseconds": None if last is None else last["milliseconds"],
    }
