"""Guest tokens: what one opens, and that nobody else can make, change, stretch or carry one over."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import APIRouter, Depends
from hypothesis import given
from hypothesis import strategies as st

from common_auth.bearer import GUEST
from common_auth.callers import Callers, Person
from common_auth.errors import AUTH_PROBLEMS, TokenExpired, TokenInvalid
from common_auth.guests import Guest, GuestTokens
from common_auth.testing import GUEST_SECRET, TestIssuer, base64url
from common_service.app import create_service_app
from common_service.problems import ProblemTable
from common_service.testing import FixedClock

pytestmark = pytest.mark.anyio
SESSION, GUEST_ID = uuid4(), uuid4()
Seen = tuple[int, str]


@pytest.fixture
async def http(issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    callers = issuer.callers({})
    routes = APIRouter(prefix="/sessions/{session_id}", dependencies=[GUEST])

    @routes.get("/guest")
    async def guest(guest: Annotated[Guest, Depends(callers.guest("session_id"))]) -> UUID:
        return guest.guest_id

    @routes.get("/either")
    async def either(caller: Annotated[Person | Guest, Depends(callers.reader_or_guest("session_id"))]) -> str:
        return f"{type(caller).__name__}"

    @routes.get("/reader")
    async def reader(person: Annotated[Person, Depends(callers.reader)]) -> UUID:
        return person.user_id

    async def ready() -> None: ...

    app = create_service_app(
        title="kit", prefix="/kit", routers=[routes], problems=ProblemTable(AUTH_PROBLEMS), ready=ready
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kit") as client:
        yield client


async def ask(http: httpx2.AsyncClient, *tokens: str, where: str = "guest", session: object = SESSION) -> Seen:
    headers = [(b"X-Guest-Token", token.encode("latin-1")) for token in tokens]
    answer = await http.get(f"/sessions/{session}/{where}", headers=headers)
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else answer.json()


async def test_a_guest_passes_into_the_session_of_the_token_and_no_other(
    http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    token = issuer.guest(SESSION, GUEST_ID)
    assert await ask(http, token) == (200, str(GUEST_ID))
    assert await ask(http, token, session=str(SESSION).upper()) == (200, str(GUEST_ID))
    for other in (uuid4(), "x", str(SESSION)[:-1], f"{{{SESSION}}}", SESSION.hex):
        assert await ask(http, token, session=other) == (403, "forbidden")


async def test_without_a_token_or_with_two_nobody_passes(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    token = issuer.guest(SESSION, GUEST_ID)
    assert await ask(http) == (401, "unauthenticated")
    assert await ask(http, token, token) == (401, "unauthenticated")
    answer = await http.get(f"/sessions/{SESSION}/guest?x-guest-token={token}", headers={"Cookie": f"guest={token}"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_guests_and_readers_do_not_pass_for_one_another(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    guest, reader = issuer.guest(SESSION, GUEST_ID), issuer.reader()
    assert await ask(http, reader) == (401, "token_invalid")
    for token, where in ((guest, "reader"), (guest, "either")):
        answer = await http.get(f"/sessions/{SESSION}/{where}", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_a_route_for_both_takes_one_caller_at_a_time(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    signed_in, guest = {"Authorization": f"Bearer {issuer.reader()}"}, {"X-Guest-Token": issuer.guest(SESSION)}
    path = f"/sessions/{SESSION}/either"
    assert (await http.get(path, headers=signed_in)).json() == "Person"
    assert (await http.get(path, headers=guest)).json() == "Guest"
    assert (await http.get(path)).json()["code"] == "unauthenticated"
    assert (await http.get(path, headers=signed_in | guest)).json()["code"] == "token_invalid"
    assert (await http.get(f"/sessions/{uuid4()}/either", headers=guest)).status_code == 403


def forgeries(good: str) -> dict[str, str]:
    raw = base64.urlsafe_b64decode(good)
    body, mac = raw[:40], raw[40:]
    purpose, secret = b"truecrime guest token 1\0", GUEST_SECRET.encode()
    keys = {
        "no secret": b"",
        "the secret itself": secret,
        "its hash": hashlib.sha256(secret).digest(),
        "a cursor's key": hashlib.sha256(b"cursor:" + secret).digest(),
        "another purpose": hashlib.sha256(b"truecrime guest token 2\0" + secret).digest(),
        "the purpose alone": hashlib.sha256(purpose).digest(),
        "another secret": hashlib.sha256(purpose + b"the secret of others in tests").digest(),
    }
    found = {name: base64url(body + hmac.digest(key, body, "sha256")) for name, key in keys.items()}
    found |= {f"bit {n}": base64url(flipped(raw, n)) for n in range(0, len(raw) * 8, 5)}
    found |= {
        "later end": base64url(body[:32] + (2**40).to_bytes(8, "big") + mac),
        "no end": base64url(body[:32] + b"\xff" * 8 + mac),
        "parts swapped": base64url(body[16:32] + body[:16] + body[32:] + mac),
        "no signature": base64url(body),
        "zeros": base64url(body + bytes(32)),
        "a plain hash": base64url(body + hashlib.sha256(body).digest()),
        "half a signature": base64url(body + mac[:16]),
        "sha512": base64url(body + hmac.digest(hashlib.sha256(purpose + secret).digest(), body, "sha512")),
        "one shorter": good[:-1],
        "one longer": good + "A",
        "padded": good + "=",
        "padded inside": good[:-1] + "=",
        "a space": good[:-1] + " ",
        "the other alphabet": good[:-2] + "+/",
        "dots": f"{good[:32]}.{good[32:64]}.{good[64:]}",
        "twice": good * 2,
        "long": "A" * 20_000,
        "bearer": f"Bearer {good}",
        "not ascii": good[:-1] + "é",
        "odd space": good[:-1] + "\xa0",
        "words": "x",
    }
    return found


async def test_no_forgery_passes(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    tokens = forgeries(issuer.guest(SESSION, GUEST_ID))
    accepted = {name: seen for name, token in tokens.items() if (seen := await ask(http, token))[0] != 401}
    assert accepted == {}
    assert len(set(tokens.values())) >= 140
    assert (await ask(http, "")) == (401, "token_invalid")


def test_a_token_ends_when_it_says() -> None:
    clock = FixedClock()
    tokens = GuestTokens(GUEST_SECRET, now=clock)
    end = clock() + timedelta(minutes=5)
    token = tokens.mint(SESSION, GUEST_ID, end)
    assert len(token) == 96
    assert tokens.guest(token) == Guest(GUEST_ID, SESSION, end)
    clock.advance(minutes=5)
    with pytest.raises(TokenExpired):
        tokens.guest(token)


def test_a_secret_is_replaced_while_tokens_live() -> None:
    clock, old, new = FixedClock(), "the older of two secrets", "the newer of two secrets"
    token = GuestTokens(old, now=clock).mint(SESSION, GUEST_ID, clock() + timedelta(hours=1))
    both = GuestTokens(new, old, now=clock)
    assert both.guest(token).guest_id == GUEST_ID
    newer = both.mint(SESSION, GUEST_ID, clock() + timedelta(hours=1))
    assert GuestTokens(new, now=clock).guest(newer).session_id == SESSION
    for tokens, foreign in ((GuestTokens(new, now=clock), token), (GuestTokens(old, now=clock), newer)):
        with pytest.raises(TokenInvalid):
            tokens.guest(foreign)


@pytest.mark.parametrize("secrets", [(), ("",), ("too short",), ("long enough a secret", "")])
def test_a_weak_secret_is_no_secret(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="16 characters"):
        GuestTokens(*secrets, now=FixedClock())


def test_a_service_without_guests_makes_no_route_for_them(issuer: TestIssuer) -> None:
    callers = Callers(issuer.verifier(), issuer.verifier(), {})
    for make in (callers.guest, callers.reader_or_guest):
        with pytest.raises(ValueError, match="no guests"):
            make("session_id")


@given(st.text(max_size=200) | st.text("ABCab01-_=+/. ", min_size=94, max_size=98))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        GuestTokens(GUEST_SECRET, now=FixedClock()).guest(text)


def flipped(raw: bytes, bit: int) -> bytes:
    return raw[: bit // 8] + bytes([raw[bit // 8] ^ 1 << bit % 8]) + raw[bit // 8 + 1 :]
