"""Managed login: the pages between /oauth2/authorize and the redirect that carries the code."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.cognito.accounts import Accounts
from sandbox.cognito.authorization import (
    AuthorizationCodes,
    AuthorizationRequest,
    check_redirect,
    is_signed_out_address,
    read_request,
    web_client,
)
from sandbox.cognito.browsers import Browsers
from sandbox.cognito.errors import OAuthRefused, Refused
from sandbox.cognito.pool import UserPool
from sandbox.cognito.records import BrowserSession, Status, User
from sandbox.cognito.seeds import PASSWORD, PEOPLE
from sandbox.pages.pages import page

Form = Mapping[str, str]
_TEMPLATES = Path(__file__).parent / "templates"
_SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class ManagedLogin:
    """One method a page and its form. Each page carries the whole authorization request in its address."""

    pool: UserPool
    accounts: Accounts
    codes: AuthorizationCodes
    browsers: Browsers

    def authorize(self, request: Request) -> Response:
        """Answer a known browser with a code at once, any other with the login page; `prompt` as in OpenID Connect."""
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        prompt, known = request.query_params.get("prompt", ""), self.browsers.recognise(request)
        hinted = self.pool.find(asked.login_hint) if asked.login_hint else None
        if known and prompt != "login" and hinted in (None, known[0]):
            return self._with_code(asked, *known)
        if prompt == "none":
            return RedirectResponse(asked.answer(error="login_required"), _SEE_OTHER)
        return RedirectResponse(f"/login?{asked.query}", _SEE_OTHER)

    def seeded(self, request: Request) -> Response:
        """Sign a seeded person in by `login_hint` alone: the one click of the sandbox's front page."""
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        user = self.pool.find(asked.login_hint) if asked.login_hint in PEOPLE else None
        if user is None or not user.enabled:
            return self._login_page(asked, asked.login_hint, error="That is none of the seeded people.")
        return self._signed_in(asked, user)

    def login(self, request: Request, form: Form) -> Response:
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        if request.method == "GET":
            return self._login_page(asked, asked.login_hint)
        email = form.get("username", "")
        try:
            user = self.accounts.authenticate(email, form.get("password", ""))
        except Refused as refusal:
            if refusal.kind == "UserNotConfirmedException":
                return RedirectResponse(_with(f"/confirm?{asked.query}", email), _SEE_OTHER)
            return self._login_page(asked, email, error=str(refusal))
        if user.status is Status.FORCE_CHANGE_PASSWORD:
            return self._page("new_password", asked, email=user.email, password=form["password"])
        return self._signed_in(asked, user)

    def new_password(self, request: Request, form: Form) -> Response:
        """Change a temporary password; the temporary one is asked for again, so the page alone opens nothing."""
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        email, password = form.get("email", ""), form.get("password", "")
        try:
            user = self.accounts.authenticate(email, password)
            if user.status is Status.FORCE_CHANGE_PASSWORD:
                user = self.accounts.set_password(user.username, form.get("new_password", ""), permanent=True)
        except Refused as refusal:
            return self._page("new_password", asked, email=email, password=password, error=str(refusal))
        return self._signed_in(asked, user)

    def sign_up(self, request: Request, form: Form) -> Response:
        asked = self._asked(request, needs_challenge=False)
        if isinstance(asked, Response):
            return asked
        if request.method == "GET":
            return self._page("signup", asked, email=asked.login_hint, name="")
        email, name = form.get("email", ""), form.get("name", "").strip()
        try:
            user = self.accounts.sign_up(email, form.get("password", ""), {"name": name} if name else {})
        except Refused as refusal:
            return self._page("signup", asked, email=email, name=name, error=str(refusal))
        response = RedirectResponse(_with(f"/confirm?{asked.query}", user.email), _SEE_OTHER)
        if asked.challenge:
            self.browsers.remember(response, user)
        return response

    def confirm(self, request: Request, form: Form) -> Response:
        """Take the mailed code; the browser that signed up goes on signed in, another one to the login page."""
        asked = self._asked(request, needs_challenge=False)
        if isinstance(asked, Response):
            return asked
        email = form.get("email") or request.query_params.get("email", "")
        if request.method == "GET":
            return self._page("confirm", asked, email=email)
        try:
            if form.get("resend"):
                self.accounts.resend_code(email)
                return self._page("confirm", asked, email=email, good="A new code is on its way.")
            user = self.accounts.confirm(email, form.get("code", ""))
        except Refused as refusal:
            return self._page("confirm", asked, email=email, error=str(refusal))
        if not asked.challenge:
            return self._page("confirmed", asked, email=user.email)
        known = self.browsers.recognise(request)
        if known and known[0].username == user.username:
            return self._with_code(asked, *known)
        return self._login_page(asked, user.email, good="Your address is confirmed. Sign in to go on.")

    def log_out(self, request: Request) -> Response:
        """Forget the browser, then go where the app said: `logout_uri`, or back to the login page."""
        wanted = request.query_params
        try:
            web_client(self.pool.clients, wanted.get("client_id", ""))
        except Refused as refusal:
            return self._refused(str(refusal))
        if is_signed_out_address(wanted.get("logout_uri", "")):
            response: Response = RedirectResponse(wanted["logout_uri"], _SEE_OTHER)
        elif "redirect_uri" in wanted:
            response = RedirectResponse(f"/login?{urlencode(wanted)}", _SEE_OTHER)
        else:
            return self._refused("logout_uri must be http://127.0.0.1:<port>/ or its /callback.")
        self.browsers.forget(request, response)
        return response

    def _asked(self, request: Request, *, needs_challenge: bool = True) -> AuthorizationRequest | Response:
        """Read the authorization request, or say on a page or at the redirect address what is wrong with it."""
        parameters = request.query_params
        try:
            client = check_redirect(parameters, self.pool.clients)
        except Refused as refusal:
            return self._refused(str(refusal))
        try:
            return read_request(parameters, client, needs_challenge=needs_challenge)
        except OAuthRefused as refusal:
            state = {"state": parameters["state"]} if "state" in parameters else {}
            answer = {"error": refusal.error, "error_description": refusal.description} | state
            return RedirectResponse(f"{parameters['redirect_uri']}?{urlencode(answer)}", _SEE_OTHER)

    def _signed_in(self, asked: AuthorizationRequest, user: User) -> Response:
        response = RedirectResponse("/", _SEE_OTHER)
        session = self.browsers.remember(response, user)
        response.headers["location"] = self._with_code(asked, user, session).headers["location"]
        return response

    def _with_code(self, asked: AuthorizationRequest, user: User, session: BrowserSession) -> Response:
        code = self.codes.issue(asked, user.username, session.signed_in_at)
        return RedirectResponse(asked.answer(code=code), _SEE_OTHER)

    def _login_page(self, asked: AuthorizationRequest, email: str, *, error: str = "", good: str = "") -> Response:
        people = [{"email": address, "groups": groups} for address, groups in PEOPLE.items()]
        return self._page("login", asked, email=email, error=error, good=good, people=people, shared_password=PASSWORD)

    def _page(
        self, template: str, asked: AuthorizationRequest, *, error: str = "", good: str = "", **more: Any
    ) -> Response:
        status = 400 if error else 200
        query = asked.query
        return page(_TEMPLATES, f"{template}.html.jinja", status=status, query=query, error=error, good=good, **more)

    def _refused(self, sentence: str) -> Response:
        return page(_TEMPLATES, "refused.html.jinja", status=400, sentence=sentence)


def _with(address: str, email: str) -> str:
    return f"{address}&{urlencode({'email': email})}"
