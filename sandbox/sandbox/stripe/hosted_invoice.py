"""What `hosted_invoice_url` opens: an invoice, and while it is open a way to pay it.

A script pays by POSTing the form. Fields: `card_number`, `card_expiry`, `card_cvc`, `name`, or `stored` (yes) for the
card that is on file. 303: paid, or on to the page where the card's holder confirms. 402: declined. 422: filled in
wrongly.
"""

from collections.abc import Callable

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.pages.pages import page
from sandbox.stripe.account import Account
from sandbox.stripe.billing import collecting
from sandbox.stripe.billing.charging import keep_method
from sandbox.stripe.cards import CardRefused
from sandbox.stripe.checkout import TEMPLATES
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.objects.invoices import money
from sandbox.stripe.typed_cards import FIELDS, typed_card
from sandbox.stripe.views import card_words, invoice_row, moment


class HostedInvoice:
    def __init__(self, account: Account, changed: Callable[[], None]) -> None:
        self._account = account
        self._changed = changed

    def routes(self) -> list[Route]:
        return [
            Route("/i/{id}", self._show, methods=["GET"]),
            Route("/i/{id}", self._pay, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        invoice = self._invoice(request)
        return _none() if invoice is None else self._page(invoice)

    async def _pay(self, request: Request) -> Response:
        form = await request.form()
        invoice = self._invoice(request)
        if invoice is None:
            return _none()
        here = f"/i/{invoice['id']}"
        if invoice["status"] != "open":
            return RedirectResponse(here, 303)
        try:
            with self._account.acting():
                invoice = self._attempt(invoice, form)
        except CardRefused as refused:
            return self._page(invoice, {refused.field: refused.message}, 422)
        self._changed()
        if invoice["status"] == "paid":
            return RedirectResponse(here, 303)
        intent = collecting.intent_of(self._account, invoice)
        if intent["status"] == "requires_action":
            return RedirectResponse(intent["next_action"]["redirect_to_url"]["url"], 303)
        error = intent["last_payment_error"] or {"message": "There is no card on file."}
        return self._page(invoice, {"declined": error["message"]}, 402)

    def _attempt(self, invoice: JsonObject, form: FormData) -> JsonObject:
        if form.get("stored") == "yes":
            return collecting.retry(self._account, invoice)
        card, name = typed_card(form, self._account.now())
        email = invoice["customer_email"]
        method = keep_method(self._account, card, invoice["customer"], email=email, name=name)
        return collecting.pay(self._account, invoice, method, typed=True)

    def _invoice(self, request: Request) -> JsonObject | None:
        try:
            return self._account.fetch("invoice", request.path_params["id"])
        except ApiError:
            return None

    def _page(self, invoice: JsonObject, errors: dict[str, str] | None = None, status: int = 200) -> Response:
        lines = [
            {
                "text": line["description"],
                "amount": money(line["amount"], line["currency"]),
                "start": moment(line["period"]["start"]),
                "end": moment(line["period"]["end"]),
            }
            for line in invoice["lines"]["data"]
        ]
        taken = sum(part["amount"] for part in invoice["total_discount_amounts"])
        balance = invoice["amount_due"] - invoice["total"]
        stored = None
        if invoice["status"] == "open":
            stored = collecting.method_for(self._account, collecting.subscription_of(self._account, invoice))
        return page(
            TEMPLATES,
            "invoice.html.jinja",
            status=status,
            invoice=invoice_row(invoice),
            lines=lines,
            discount=money(-taken, invoice["currency"]) if taken else None,
            balance=money(balance, invoice["currency"]) if balance else None,
            due=money(invoice["amount_due"], invoice["currency"]),
            stored=None if stored is None else card_words(stored),
            errors=dict.fromkeys(("declined", *FIELDS), "") | errors if errors else None,
        )


def _none() -> Response:
    return page(TEMPLATES, "closed.html.jinja", status=404, state=404, onward=None)
