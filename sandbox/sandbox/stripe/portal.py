"""The customer portal: another plan, the end of the subscription or its return, another card, the invoices.

Scripts POST what the forms send: `{portal}/subscriptions/{id}` with `end` (yes, no) or `stay` (yes: take back a change
that waits for the period's end), `{portal}/subscriptions/{id}/plan` with `price`, `{portal}/card` with the fields of a
card. 303: done, or on to the page where the card's holder confirms. 402: declined. 422: filled in wrongly.
"""

import hmac
from collections.abc import Callable

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.pages.pages import page
from sandbox.stripe.account import LIVE_STATUSES, Account
from sandbox.stripe.billing.charging import keep_method
from sandbox.stripe.billing.schedules import release
from sandbox.stripe.cards import BEHAVIOURS, CardRefused
from sandbox.stripe.checkout import TEMPLATES
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.operations.subscriptions import update_subscription
from sandbox.stripe.portal_plans import change_plan, offers, preview_of
from sandbox.stripe.portal_view import portal_view
from sandbox.stripe.store import Condition
from sandbox.stripe.typed_cards import FIELDS, typed_card

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
            Route(f"{_ADDRESS}/subscriptions/{{id}}/plan", self._offer, methods=["GET"]),
            Route(f"{_ADDRESS}/subscriptions/{{id}}/plan", self._change, methods=["POST"]),
            Route(f"{_ADDRESS}/card", self._card, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        session = self._session(request)
        return _gone() if session is None else self._page(request, session)

    async def _decide(self, request: Request) -> Response:
        """End it with its period, keep it after all, or take back what waits for the period's end."""
        form = await request.form()
        session = self._session(request)
        if session is None:
            return _gone()
        body = self._subscription(request, session)
        if body is not None:
            with self._account.acting():
                if body["schedule"] is not None:
                    body = self._released(body)
                if form.get("stay") != "yes":
                    update_subscription(self._account, body, {"cancel_at_period_end": form.get("end") == "yes"})
            self._changed()
        return RedirectResponse(_home(request), 303)

    async def _offer(self, request: Request) -> Response:
        """The plans to choose from; with `price`, what that one costs now and later."""
        session = self._session(request)
        if session is None:
            return _gone()
        body = self._subscription(request, session)
        if body is None:
            return RedirectResponse(_home(request), 303)
        return self._plans(request, body, request.query_params.get("price"))

    async def _change(self, request: Request) -> Response:
        form = await request.form()
        session = self._session(request)
        if session is None:
            return _gone()
        body = self._subscription(request, session)
        chosen = str(form.get("price", ""))
        if body is None:
            return RedirectResponse(_home(request), 303)
        try:
            with self._account.acting():
                if body["schedule"] is not None:
                    body = self._released(body)
                onward = change_plan(self._account, body, chosen)
        except ApiError as error:
            return self._plans(request, body, None, error.message, 402 if error.status == 402 else 422)
        self._changed()
        return RedirectResponse(onward or _home(request), 303)

    async def _card(self, request: Request) -> Response:
        """The card takes the place of the one on file, for everything that will be charged."""
        form = await request.form()
        session = self._session(request)
        if session is None:
            return _gone()
        try:
            with self._account.acting():
                self._put_on_file(session["customer"], form)
        except CardRefused as refused:
            status = 402 if refused.field == "declined" else 422
            return self._page(request, session, {refused.field: refused.message}, status)
        self._changed()
        return RedirectResponse(_home(request), 303)

    def _put_on_file(self, customer_id: str, form: FormData) -> None:
        card, name = typed_card(form, self._account.now())
        if (decline := BEHAVIOURS[card.behaviour].typed) is not None:
            raise CardRefused("declined", decline.message)
        customer = self._account.fetch("customer", customer_id)
        method = keep_method(self._account, card, customer_id, email=customer["email"], name=name)
        self._account.emit("payment_method.attached", method)
        settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
        self._account.change(customer, "customer.updated", invoice_settings=settings)
        for body in self._subscriptions(customer_id):
            if body["status"] in LIVE_STATUSES:
                update_subscription(self._account, body, {"default_payment_method": method["id"]})

    def _released(self, body: JsonObject) -> JsonObject:
        release(self._account, self._account.fetch("subscription_schedule", body["schedule"]))
        return self._account.fetch("subscription", body["id"])

    def _subscriptions(self, customer_id: str) -> list[JsonObject]:
        return self._account.store.page("subscription", [Condition("customer = ?", (customer_id,))]).bodies

    def _subscription(self, request: Request, session: JsonObject) -> JsonObject | None:
        """The running subscription of the address, if it is this customer's."""
        body = self._account.store.find(request.path_params["id"])
        mine = body is not None and body.get("customer") == session["customer"] and body["object"] == "subscription"
        return body if mine and body is not None and body["status"] in LIVE_STATUSES else None

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

    def _page(
        self, request: Request, session: JsonObject, errors: dict[str, str] | None = None, status: int = 200
    ) -> Response:
        return page(
            TEMPLATES,
            "portal.html.jinja",
            status=status,
            here=_home(request),
            return_url=session["return_url"],
            asks_card=session["flow"] is not None and session["flow"]["type"] == "payment_method_update",
            errors=dict.fromkeys(("declined", *FIELDS), "") | errors if errors else None,
            **portal_view(self._account, session["customer"]),
        )

    def _plans(
        self, request: Request, body: JsonObject, chosen: str | None, error: str | None = None, status: int = 200
    ) -> Response:
        return page(
            TEMPLATES,
            "portal_plan.html.jinja",
            status=status,
            home=_home(request),
            here=f"{_home(request)}/subscriptions/{body['id']}/plan",
            offers=offers(self._account, body),
            preview=preview_of(self._account, body, chosen) if chosen else None,
            error=error,
        )


def _home(request: Request) -> str:
    return f"/p/session/{request.path_params['pass']}"


def _gone() -> Response:
    return page(TEMPLATES, "closed.html.jinja", status=404, state=404, onward=None)
