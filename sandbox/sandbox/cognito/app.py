"""The Cognito stand-in as one web application."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from sandbox.cognito.accounts import Accounts
from sandbox.cognito.admin_operations import AdminOperations
from sandbox.cognito.api import create_api
from sandbox.cognito.authorization import AuthorizationCodes
from sandbox.cognito.browsers import Browsers
from sandbox.cognito.clock import Clock, utc_now
from sandbox.cognito.control import Control
from sandbox.cognito.errors import OAuthRefused, Refused
from sandbox.cognito.keys import KeyRing
from sandbox.cognito.managed_login import ManagedLogin
from sandbox.cognito.oauth import OAuth, discovery
from sandbox.cognito.pool import UserPool
from sandbox.cognito.postman import Postman
from sandbox.cognito.public_operations import PublicOperations
from sandbox.cognito.records import POOL_ID
from sandbox.cognito.seeds import plant
from sandbox.cognito.sign_ins import SignIns
from sandbox.cognito.tokens import TokenMint

Endpoint = Callable[[Request], Awaitable[Response]]
Form = dict[str, str]

_FROM_ANY_ORIGIN = [Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])]
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def create_app(*, directory: Path, issuer_base: str, smtp: tuple[str, int] | None, now: Clock = utc_now) -> Starlette:
    """Serve the pool whose state lives in `directory` as the issuer `issuer_base`/<pool id>."""
    issuer = f"{issuer_base}/{POOL_ID}"
    pool = UserPool(directory / "pool.json", now)
    plant(pool)
    keys, codes = KeyRing(directory / "keys.json", now), AuthorizationCodes(now)
    accounts, sign_ins = Accounts(pool, Postman(smtp)), SignIns(pool, TokenMint(issuer, keys, pool))
    login = ManagedLogin(pool, accounts, codes, Browsers(pool))
    api = create_api(PublicOperations(pool, accounts, sign_ins), AdminOperations(pool, accounts))
    return Starlette(
        routes=[
            Mount(f"/{POOL_ID}/.well-known", routes=_documents(issuer, issuer_base, keys), middleware=_FROM_ANY_ORIGIN),
            Mount("/oauth2", routes=_oauth_routes(OAuth(pool, sign_ins, codes), login), middleware=_FROM_ANY_ORIGIN),
            *_page_routes(login),
            *_control_routes(Control(issuer, pool, keys), keys, login),
            Route("/", api.answer, methods=["POST", "OPTIONS"], middleware=_FROM_ANY_ORIGIN),
        ]
    )


def _documents(issuer: str, base: str, keys: KeyRing) -> list[BaseRoute]:
    def jwks(_: Request) -> Response:
        body = {"keys": [key.jwk() for key in keys.published()]}
        return _json(body, headers={"Cache-Control": "public, max-age=86400"})

    def configuration(_: Request) -> Response:
        return _json(discovery(issuer, base))

    return [Route("/jwks.json", jwks), Route("/openid-configuration", configuration)]


def _oauth_routes(oauth: OAuth, login: ManagedLogin) -> list[BaseRoute]:
    def token(request: Request, form: Form) -> Response:
        return _json(oauth.token(form, request.headers.get("authorization", "")), headers=_NO_STORE)

    def revoke(request: Request, form: Form) -> Response:
        oauth.revoke(form, request.headers.get("authorization", ""))
        return Response(headers=_NO_STORE)

    def user_info(request: Request) -> Response:
        try:
            return _json(oauth.user_info(request.headers.get("authorization", "")), headers=_NO_STORE)
        except Refused as refusal:
            challenge = f'error="invalid_token", error_description="{refusal}"'
            return _json({"error": "invalid_token"}, 401, headers={"WWW-Authenticate": challenge})

    return [
        Route("/authorize", login.authorize),
        Route("/token", _oauth(token), methods=["POST"]),
        Route("/revoke", _oauth(revoke), methods=["POST"]),
        Route("/userInfo", user_info, methods=["GET", "POST"]),
    ]


def _page_routes(login: ManagedLogin) -> list[BaseRoute]:
    return [
        Route("/login", _with_form(login.login), methods=["GET", "POST"]),
        Route("/signup", _with_form(login.sign_up), methods=["GET", "POST"]),
        Route("/confirm", _with_form(login.confirm), methods=["GET", "POST"]),
        Route("/new-password", _with_form(login.new_password), methods=["POST"]),
        Route("/logout", login.log_out),
    ]


def _control_routes(control: Control, keys: KeyRing, login: ManagedLogin) -> list[BaseRoute]:
    def rotate(request: Request, form: Form) -> Response:
        keys.rotate(forget_old=bool(form.get("forget_old")))
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/", 303)
        return _json({"kids": [key.kid for key in keys.published()]})

    def clients(_: Request) -> Response:
        return _json(control.clients(), headers=_NO_STORE)

    def summary(_: Request) -> Response:
        return _json(control.summary(), headers=_NO_STORE)

    def overview(_: Request) -> Response:
        return control.overview()

    return [
        Route("/", overview, methods=["GET"]),
        Route("/_sandbox/clients", clients),
        Route("/_sandbox/pool", summary),
        Route("/_sandbox/rotate-keys", _with_form(rotate), methods=["POST"]),
        Route("/_sandbox/authorize", login.seeded),
    ]


def _with_form(handler: Callable[[Request, Form], Response]) -> Endpoint:
    """Read the form, then work in a thread: hashing a password and mailing a code would hold the loop."""

    async def endpoint(request: Request) -> Response:
        async with request.form() as sent:
            form = {name: value for name, value in sent.items() if isinstance(value, str)}
        return await run_in_threadpool(handler, request, form)

    return endpoint


def _oauth(handler: Callable[[Request, Form], Response]) -> Endpoint:
    endpoint = _with_form(handler)

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except OAuthRefused as refusal:
            described = {"error_description": refusal.description} if refusal.description else {}
            return _json({"error": refusal.error} | described, 400, headers=_NO_STORE)

    return answered


def _json(content: Any, status: int = 200, *, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
