"""The account at a glance: its clock, its people, what they pay, and what was told to the webhook endpoint."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.pages.pages import page
from sandbox.stripe.account import Account
from sandbox.stripe.checkout import TEMPLATES
from sandbox.stripe.control import advance
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.objects.invoices import rate
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
            pending=pending_count(self._account.store),
            webhook_url=self._webhook_url,
        )

    async def _advance(self, request: Request) -> Response:
        step = request.path_params["step"]
        if step in _STEPS:
            now, recurring = self._account.now(), _STEPS[step]
            seconds = 3600 if recurring is None else period_end(now, now, recurring) - now
            await advance(self._account, self._deliverer, seconds)
        return RedirectResponse("/", 303)

    async def _redeliver(self, request: Request) -> Response:
        try:
            redeliver(self._account, request.path_params["id"])
        except ApiError:
            return RedirectResponse("/", 303)
        self._deliverer.wake()
        return RedirectResponse("/#webhooks", 303)

    def _latest(self, kind: str, *conditions: Condition) -> list[JsonObject]:
        return self._account.store.page(kind, conditions, limit=_ROWS).bodies


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
    said = "waiting" if last is None else last["status"] or last["error"]
    return {
        **entry,
        "said": said,
        "kind": "good" if entry["state"] == "delivered" else "plain" if last is None else "bad",
        "at": None if last is None else moment(int(last["at"])),
        "milliseconds": None if last is None else last["milliseconds"],
    }
