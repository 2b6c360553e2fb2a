"""The hosted Checkout page. A script pays by POSTing the form to the session's `url`.

Fields: `email` (not asked when the session knows the customer's), `card_number`, `card_expiry` (MM / YY), `card_cvc`,
`name`, `promotion_code` (where the session allows it). 303 to the success URL: paid (also when it was paid before).
303 to `/authenticate/…`: the card's holder has to prove who they are first. 402: declined. 422: filled in wrongly.
410: the session expired. 404: there is none.
"""

from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.pages.pages import page
from sandbox.stripe import params
from sandbox.stripe.account import Account
from sandbox.stripe.cards import CardRefused
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.objects.invoices import money
from sandbox.stripe.operations.sessions import redeem_code
from sandbox.stripe.paying import Form, pay
from sandbox.stripe.typed_cards import FIELDS, typed, typed_card

TEMPLATES = Path(__file__).parent / "templates"
_ADDRESS = "/c/pay/{id}"
_FIELDS = ("declined", "email", "promotion_code", *FIELDS)


class Checkout:
    def __init__(self, account: Account, changed: Callable[[], None]) -> None:
        self._account = account
        self._changed = changed

    def routes(self) -> list[Route]:
        return [
            Route(_ADDRESS, self._show, methods=["GET"]),
            Route(_ADDRESS, self._pay, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        session = self._session(request)
        if session is None or session["status"] != "open":
            return _closed(session)
        return self._page(session)

    async def _pay(self, request: Request) -> Response:
        form = await request.form()
        # Read after the form: from here on nothing waits, so no other tab pays in between.
        session = self._session(request)
        if session is None or session["status"] == "expired":
            return _closed(session)
        if session["status"] == "complete":
            return RedirectResponse(success_url(session), 303)
        known = self._known_email(session)
        try:
            read = _read(form, known, self._account.now())
            session = self._with_code(session, typed(form, "promotion_code"))
            outcome = pay(self._account, session, read)
        except CardRefused as refused:
            return self._page(session, form, {refused.field: refused.message}, 422)
        self._changed()
        if outcome.declined is not None:
            return self._page(session, form, {"declined": outcome.declined.message}, 402)
        if outcome.authenticate_at is not None:
            return RedirectResponse(outcome.authenticate_at, 303)
        return RedirectResponse(success_url(session), 303)

    def _with_code(self, session: JsonObject, code: str) -> JsonObject:
        if not code:
            return session
        try:
            with self._account.acting():
                return redeem_code(self._account, session, code)
        except ApiError as error:
            raise CardRefused("promotion_code", error.message) from error

    def _session(self, request: Request) -> JsonObject | None:
        """A session whose customer was deleted is as good as none."""
        body = self._account.store.find(request.path_params["id"])
        if body is None or body["object"] != "checkout.session":
            return None
        customer = None if body["customer"] is None else self._account.store.find(body["customer"])
        return None if customer is not None and customer.get("deleted") else body

    def _known_email(self, session: JsonObject) -> str | None:
        """A customer's e-mail cannot be changed on the page."""
        if session["customer"] is None:
            source, field = session, "customer_email"
        else:
            source, field = self._account.fetch("customer", session["customer"]), "email"
        email: str | None = source[field]
        return email

    def _page(
        self,
        session: JsonObject,
        form: FormData | None = None,
        errors: dict[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        """The card is typed again after an error: the page never carries it back."""
        lines = [
            {
                "name": item["description"],
                "quantity": item["quantity"],
                "amount": money(item["price"]["unit_amount"] * item["quantity"], item["currency"]),
                "interval": item["price"]["recurring"]["interval"],
                "description": self._account.fetch("product", item["price"]["product"])["description"],
            }
            for item in self._account.store.private(session["id"])["line_items"]
        ]
        return page(
            TEMPLATES,
            "checkout.html.jinja",
            status=status,
            lines=lines,
            total=money(session["amount_total"], session["currency"]),
            known_email=self._known_email(session),
            email=typed(form, "email"),
            holder=typed(form, "name"),
            cancel_url=session["cancel_url"],
            allows_code=session["allow_promotion_codes"],
            code=typed(form, "promotion_code"),
            saved=money(saved, session["currency"]) if (saved := session["total_details"]["amount_discount"]) else None,
            trial_days=_trial_days(self._account, session),
            errors=dict.fromkeys(_FIELDS, "") | errors if errors else None,
        )


def _closed(session: JsonObject | None) -> Response:
    status = 404 if session is None else 410 if session["status"] == "expired" else 200
    onward = None if session is None else success_url(session) if status == 200 else session["cancel_url"]
    return page(TEMPLATES, "closed.html.jinja", status=status, state=status, onward=onward)


def _trial_days(account: Account, session: JsonObject) -> int:
    """How long nothing is charged; 0 without a trial."""
    settings = account.store.private(session["id"])["subscription_data"]
    end = settings.get("trial_end", account.now())
    return int(settings.get("trial_period_days", (end - account.now()) // 86_400))


def success_url(session: JsonObject) -> str:
    address: str = session["success_url"]
    return address.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _read(form: FormData, known_email: str | None, now: int) -> Form:
    try:
        email = known_email or params.email(typed(form, "email"), "email")
    except ApiError as error:
        raise CardRefused("email", "Your email is incomplete.") from error
    card, name = typed_card(form, now)
    return Form(email, name, card)
