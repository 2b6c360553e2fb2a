"""The page of the bank (3-D Secure): the card's holder says that it is them, or that it is not.

A script goes on by POSTing `outcome` (`complete` or `fail`) to the page. 303: onward, to where the payment began.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.pages.pages import page
from sandbox.stripe.account import Account
from sandbox.stripe.billing import collecting
from sandbox.stripe.billing.charging import authenticated, not_authenticated
from sandbox.stripe.checkout import TEMPLATES, success_url
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.objects.invoices import money
from sandbox.stripe.paying import complete, session_of

_ADDRESS = "/authenticate/{secret}"


class Authentication:
    def __init__(self, account: Account, changed: Callable[[], None]) -> None:
        self._account = account
        self._changed = changed

    def routes(self) -> list[Route]:
        return [
            Route(_ADDRESS, self._show, methods=["GET"]),
            Route(_ADDRESS, self._decide, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        intent = self._intent(request)
        if intent is None:
            return page(TEMPLATES, "closed.html.jinja", status=404, state=404, onward=None)
        if intent["status"] != "requires_action":
            return RedirectResponse(self._onward(intent), 303)
        card = self._account.fetch("payment_method", intent["payment_method"])["card"]
        return page(
            TEMPLATES,
            "authentication.html.jinja",
            amount=money(intent["amount"], intent["currency"]),
            brand=card["brand"].capitalize(),
            last4=card["last4"],
        )

    async def _decide(self, request: Request) -> Response:
        typed = await request.form()
        intent = self._intent(request)
        if intent is None:
            return page(TEMPLATES, "closed.html.jinja", status=404, state=404, onward=None)
        if intent["status"] == "requires_action":
            with self._account.acting():
                intent = self._settled(intent, proven=typed.get("outcome") == "complete")
            self._changed()
        return RedirectResponse(self._onward(intent), 303)

    def _settled(self, intent: JsonObject, *, proven: bool) -> JsonObject:
        """A Checkout that expired meanwhile is not paid any more."""
        session, invoice = session_of(self._account, intent), collecting.invoice_of(self._account, intent)
        if not proven or (session is not None and session["status"] != "open"):
            return not_authenticated(self._account, intent)
        intent = authenticated(self._account, intent)
        if invoice is not None:
            collecting.mark_paid(self._account, invoice, intent)
        elif session is not None:
            complete(self._account, session, intent)
        return intent

    def _intent(self, request: Request) -> JsonObject | None:
        secret = request.path_params["secret"]
        intent = self._account.store.find(secret.partition("_secret_")[0])
        known = intent is not None and intent["object"] == "payment_intent" and intent["client_secret"] == secret
        return intent if known else None

    def _onward(self, intent: JsonObject) -> str:
        """Back to Checkout, to where Checkout leads, or to the invoice."""
        session = session_of(self._account, intent)
        if session is not None:
            session = self._account.fetch("checkout.session", session["id"])
            back = session["url"] or session["cancel_url"] or "/"
            return success_url(session) if session["status"] == "complete" else str(back)
        invoice = collecting.invoice_of(self._account, intent)
        return "/" if invoice is None else f"/i/{invoice['id']}"
