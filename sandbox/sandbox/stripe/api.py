"""The API's wire protocol: keys, versions, idempotency, parameters, errors. Operations know nothing of it."""

import base64
import binascii
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.stripe import params
from sandbox.stripe.account import Account, Cause
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.ids import new_id
from sandbox.stripe.objects.events import API_VERSION
from sandbox.stripe.operations import (
    catalogue,
    customers,
    discounts,
    methods,
    payments,
    refunds,
    schedules,
    sessions,
    subscriptions,
)
from sandbox.stripe.operations.call import Call, Endpoint
from sandbox.stripe.operations.expansion import expand

ENDPOINTS = (
    *catalogue.ENDPOINTS,
    *customers.ENDPOINTS,
    *sessions.ENDPOINTS,
    *subscriptions.ENDPOINTS,
    *payments.ENDPOINTS,
    *methods.ENDPOINTS,
    *refunds.ENDPOINTS,
    *discounts.ENDPOINTS,
    *schedules.ENDPOINTS,
)
_KEPT_FOR = 86_400
_KEY_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    replay_of: str | None = None


class Api:
    def __init__(self, account: Account, api_key: str, changed: Callable[[], None]) -> None:
        """`changed` is called after a request that may have made events."""
        self._account = account
        self._api_key = api_key
        self._changed = changed

    def routes(self) -> list[Route]:
        """One route per address; an address or method that is not the API's answers as Stripe does."""
        found = [Route(endpoint.path, self._handler(endpoint), methods=[endpoint.method]) for endpoint in ENDPOINTS]
        return [*found, Route("/v1/{rest:path}", self._unrecognized, methods=["GET", "POST", "DELETE", "PUT", "PATCH"])]

    def _handler(self, endpoint: Endpoint) -> Callable[[Request], object]:
        async def handle(request: Request) -> Response:
            encoded = await request.body() if request.method == "POST" else request.url.query.encode()
            request_id = new_id("req")
            try:
                self._authenticate(request)
                _check_content_type(request)
                answer = self._answer(endpoint, request, encoded, request_id)
            except ApiError as error:
                answer = Answer(error.status, orjson.dumps(error.body(request_id)))
            self._changed()
            return _response(answer, request, request_id)

        return handle

    async def _unrecognized(self, request: Request) -> Response:
        request_id = new_id("req")
        try:
            self._authenticate(request)
            message = (
                f"Unrecognized request URL ({request.method}: {request.url.path}). Please see https://stripe.com/docs"
            )
            raise ApiError(message, status=404)
        except ApiError as error:
            return _response(Answer(error.status, orjson.dumps(error.body(request_id))), request, request_id)

    def _authenticate(self, request: Request) -> None:
        key = _key_of(request.headers.get("authorization", ""))
        if not key:
            message = (
                "You did not provide an API key. You need to provide your API key in the Authorization header, "
                "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
            raise ApiError(message, status=401)
        if key != self._api_key:
            raise ApiError(f"Invalid API Key provided: {_masked(key)}", status=401)
        version = request.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise ApiError(f"Invalid Stripe API version: {version}. This stand-in speaks {API_VERSION} only.")

    def _answer(self, endpoint: Endpoint, request: Request, encoded: bytes, request_id: str) -> Answer:
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key is None:
            return self._run(endpoint, request, encoded, Cause(request_id))
        if not key or len(key) > _KEY_LENGTH:
            raise ApiError("Idempotency keys must be between 1 and 255 characters.", kind="idempotency_error")
        fingerprint = _fingerprint(request, encoded)
        if (kept := self._kept(key, fingerprint)) is not None:
            return kept
        try:
            return self._run(endpoint, request, encoded, Cause(request_id, key), fingerprint)
        except ApiError as error:
            # What it did is undone, but what it answered is kept: a retry sees the same refusal.
            answer = Answer(error.status, orjson.dumps(error.body(request_id)))
            if error.remembered:
                with self._account.acting():
                    self._remember(key, fingerprint, request_id, answer)
            return answer

    def _run(
        self, endpoint: Endpoint, request: Request, encoded: bytes, cause: Cause, fingerprint: str | None = None
    ) -> Answer:
        spec = {**endpoint.spec, "expand": params.each(params.text)}
        values = params.read(params.parse(encoded), spec)
        expansions = values.pop("expand", [])
        with self._account.acting(cause):
            try:
                body = endpoint.operation(self._account, Call(request.path_params, values))
            except ApiError as error:
                if error.undone:
                    raise
                return self._refused(error, cause, fingerprint)
            answer = Answer(200, _rendered(self._account, body, expansions))
            if fingerprint is not None:
                self._remember(cause.idempotency_key or "", fingerprint, cause.request_id or "", answer)
        return answer

    def _refused(self, error: ApiError, cause: Cause, fingerprint: str | None) -> Answer:
        """A refusal after which what was tried stays tried."""
        answer = Answer(error.status, orjson.dumps(error.body(cause.request_id or "")))
        if fingerprint is not None:
            self._remember(cause.idempotency_key or "", fingerprint, cause.request_id or "", answer)
        return answer

    def _kept(self, key: str, fingerprint: str) -> Answer | None:
        query = "SELECT fingerprint, request_id, status, body FROM idempotency WHERE key = ? AND kept_at > ?"
        row = self._account.store.sql.execute(query, (key, time.time() - _KEPT_FOR)).fetchone()
        if row is None:
            return None
        if row[0] != fingerprint:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request."
            )
            raise ApiError(message, kind="idempotency_error", remembered=False)
        return Answer(row[2], row[3], replay_of=row[1])

    def _remember(self, key: str, fingerprint: str, request_id: str, answer: Answer) -> None:
        row = (key, fingerprint, request_id, answer.status, answer.body, time.time())
        self._account.store.sql.execute("INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?)", row)


def _rendered(account: Account, body: JsonObject, expansions: list[str]) -> bytes:
    if expansions:
        body = orjson.loads(orjson.dumps(body))
        for path in expansions:
            expand(account, body, path)
    return orjson.dumps(body)


def _check_content_type(request: Request) -> None:
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if request.method == "POST" and not form and request.headers.get("content-length", "0") != "0":
        message = "Invalid request (check that your POST content type is application/x-www-form-urlencoded)."
        raise ApiError(message, remembered=False)


def _fingerprint(request: Request, encoded: bytes) -> str:
    """Parameters in another order are the same parameters."""
    tree = orjson.dumps(params.parse(encoded), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(f"{request.method} {request.url.path} ".encode() + tree).hexdigest()


def _key_of(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return credentials.strip() if scheme.lower() == "bearer" else ""


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}" if len(key) > 12 else "*" * len(key)


def _response(answer: Answer, request: Request, request_id: str) -> Response:
    headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION, "Cache-Control": "no-cache, no-store"}
    if "idempotency-key" in request.headers:
        headers["Idempotency-Key"] = request.headers["idempotency-key"]
    if answer.replay_of is not None:
        headers |= {"Idempotent-Replayed": "true", "Original-Request": answer.replay_of}
    return Response(answer.body, answer.status, headers=headers, media_type="application/json")
