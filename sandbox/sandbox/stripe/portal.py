"""The customer portal: what a person subscribes to, their invoices, and the button that ends or keeps it."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.pages.pages import page
from sandbox.stripe.account import LIVE_STATUSES, Account
from sandbox.stripe.checkout import TEMPLATES
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.objects.invoices import money, rate
from sandbox.stripe.operations.subscriptions import update_subscription
from sandbox.stripe.store import Condition

_ADDRESS = "/p/session/{pass}"
_GOOD_FOR_S = 3600


class Portal:
    def __init__(self, account: Account, changed: Callable[[], None]) -> None:
        self._account = account
        self._changed = changed

    def routes(self) -> list[Route]:
        return [
            Route(_ADDRESS, self._show, methods=["GET"]),
            Route(f"{_ADDRESS}/subscriptions/{{id}}", self._decide, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        session = self._session(request)
        if session is None:
            return _gone()
        mine = [Condition("customer = ?", (session["customer"],))]
        return page(
            TEMPLATES,
            "portal.html.jinja",
            here=request.url.path,
            return_url=session["return_url"],
            email=self._account.fetch("customer", session["customer"])["email"],
            subscriptions=[self._row(body) for body in self._account.store.page("subscription", mine).bodies],
            invoices=[
                {
                    "number": body["number"],
                    "total": money(body["total"], body["currency"]),
                    "status": body["status"],
                    "at": _moment(body["created"]),
                    "url": body["hosted_invoice_url"],
                }
                for body in self._account.store.page("invoice", mine, limit=12).bodies
            ],
        )

    async def _decide(self, request: Request) -> Response:
        typed = await request.form()
        session = self._session(request)
        if session is None:
            return _gone()
        body = self._account.store.find(request.path_params["id"])
        if body is not None and body.get("customer") == session["customer"] and body.get("status") in LIVE_STATUSES:
            with self._account.acting():
                update_subscription(self._account, body, {"cancel_at_period_end": typed.get("end") == "yes"})
            self._changed()
        return RedirectResponse(f"/p/session/{request.path_params['pass']}", 303)

    def _session(self, request: Request) -> JsonObject | None:
        session_id, _, token = request.path_params["pass"].partition(".")
        body = self._account.store.find(session_id)
        if body is None or body["object"] != "billing_portal.session":
            return None
        customer = self._account.store.find(body["customer"])
        if customer is None or customer.get("deleted"):
            return None
        held = self._account.store.private(session_id)["token"]
        fresh = self._account.now() < body["created"] + _GOOD_FOR_S
        return body if fresh and hmac.compare_digest(held.encode(), token.encode()) else None

    def _row(self, body: JsonObject) -> JsonObject:
        item = body["items"]["data"][0]
        price = item["price"]
        return {
            "id": body["id"],
            "name": self._account.fetch("product", price["product"])["name"],
            "amount": rate(price, item["quantity"]),
            "status": body["status"],
            "live": body["status"] in LIVE_STATUSES,
            "ending": body["cancel_at"] is not None,
            "until": _moment(body["ended_at"] or body["cancel_at"] or item["current_period_end"]),
        }


def _gone() -> Response:
    return page(TEMPLATES, "closed.html.jinja", status=404, state=404, onward=None)


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
