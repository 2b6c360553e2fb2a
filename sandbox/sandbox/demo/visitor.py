"""One person at the platform: signs up, signs in by the managed login (code + PKCE), and calls the API."""

import asyncio
import base64
import hashlib
import re
import secrets
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from sandbox.demo.errors import StepFailed
from sandbox.demo.forms import expect, open_page, submit
from sandbox.demo.patience import Patient
from sandbox.demo.platform import Platform

_CODE = re.compile(r"\b\d{6}\b")
_MAIL_PATIENCE = 30.0
_TIMEOUT = httpx2.Timeout(60.0)


class Visitor:
    """Has a browser's cookies, an address of mail and, once signed in, tokens."""

    def __init__(self, platform: Platform, email: str, password: str) -> None:
        self.platform, self.email, self.password = platform, email, password
        self.patience = Patient()
        self.http = httpx2.AsyncClient(timeout=_TIMEOUT, transport=self.patience)
        self.tokens: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def sign_up(self) -> None:
        """Fill in the sign-up page, and the confirmation page with the code that came by mail."""
        page = await open_page(self.http, f"{self.platform.login}/signup?{urlencode(self._request())}")
        answer = await submit(self.http, page, {"email": self.email, "password": self.password})
        confirm = answer if answer.status_code == httpx2.codes.OK else await self._follow(answer)
        code = await self._mailed_code()
        done = await submit(self.http, confirm, {"code": code})
        expect(done, 200, 302, 303)

    async def sign_in(self) -> None:
        """Go through the login page and change the code for tokens."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        request = self._request() | {"code_challenge": challenge, "code_challenge_method": "S256"}
        page = await open_page(self.http, f"{self.platform.login}/oauth2/authorize?{urlencode(request)}")
        answer = await submit(self.http, page, {"username": self.email, "password": self.password})
        code = self._code_of(expect(answer, 302, 303), request["state"])
        grant = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        grant |= {"client_id": self.platform.client_id, "redirect_uri": self._callback}
        self.tokens = expect(await self.http.post(f"{self.platform.login}/oauth2/token", data=grant), 200).json()

    async def call(self, method: str, path: str, *, body: object = None, **headers: str) -> httpx2.Response:
        """Call the API through the load balancer as this person."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, f"{self.platform.web}{path}", json=body, headers=self.bearer() | named)

    def bearer(self) -> dict[str, str]:
        """Return the header that carries the access token, where there is one."""
        return {"Authorization": f"Bearer {self.tokens['access_token']}"} if self.tokens else {}

    @property
    def _callback(self) -> str:
        return f"{self.platform.web}/callback"

    def _request(self) -> dict[str, str]:
        fixed = {"response_type": "code", "client_id": self.platform.client_id, "redirect_uri": self._callback}
        return fixed | {"scope": "openid email profile", "state": secrets.token_urlsafe(12)}

    async def _follow(self, answer: httpx2.Response) -> httpx2.Response:
        expect(answer, 302, 303)
        return await open_page(self.http, str(answer.url.join(answer.headers["location"])))

    def _code_of(self, answer: httpx2.Response, state: str) -> str:
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        if query.get("state") != [state] or "code" not in query:
            raise StepFailed(f"The login page sent back no code for {self.email}.")
        return query["code"][0]

    async def _mailed_code(self) -> str:
        deadline = asyncio.get_running_loop().time() + _MAIL_PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            answer = await self.http.get(f"{self.platform.mailbox}/_sandbox/messages", params={"to": self.email})
            for message in expect(answer, 200).json():
                if found := _CODE.search(message["text"]):
                    return found.group()
            await asyncio.sleep(0.1)
        raise StepFailed(f"No code came by mail for {self.email}.")
