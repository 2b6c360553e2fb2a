"""Tokens that the issuer did sign and that must not hold all the same, sent to a real application."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from common_auth.testing import ISSUER, SERVICE_CLIENT, WEB_CLIENT, TestIssuer, base64url, signed_token
from libs.common_auth.tests.genuine import BODY, GONE, HEAD, NOW, USER, Ask, Corpus, judged_wrongly, text, with_

pytestmark = pytest.mark.anyio
ODD_TIMES: list[Any] = [None, "", str(NOW + 3600), True, False, [], {}, [NOW + 3600], -1, -1.5, 1e300, "NaN"]
ODD_NUMBERS = (b"9" * 4000, b"1e999", b"NaN", b"Infinity", b"-Infinity")
ODD_CLAIMS: dict[str, list[Any]] = {
    "iss": [GONE, None, "", ISSUER + "/", ISSUER.upper(), ISSUER.replace("https", "http"), [ISSUER], {"x": ISSUER},
            ISSUER.replace("Tests", "Other"), " " + ISSUER, ISSUER + "\0", True],
    "client_id": [GONE, None, "", "other", SERVICE_CLIENT, WEB_CLIENT.upper(), [WEB_CLIENT], {}, WEB_CLIENT + " "],
    "token_use": [GONE, None, "", "id", "refresh", "Access", ["access"], "access ", True],
    "sub": [GONE, None, "", " ", "\t\n", "\u3000", 0, 7, True, [], [str(USER)], {}, "admin", str(USER)[:-1],
            "{" + str(USER) + "}", "urn:uuid:" + str(USER), USER.hex, str(USER).upper(), str(USER) + " ", "\ud800"],
    "cognito:groups": [None, "", "admin", "admin,reader", {"admin": 1}, 1, [1], [None], [["admin"]], ["admin", 1]],
    "scope": [None, 1, True, ["openid"], {}],
    "username": [None, 1, True, ["reader"], {}],
    "jti": [None, 12345, True, ["x"], {}],
    "aud": [None, 12345, True, ["1234", 5678], [WEB_CLIENT, None], {}],
}  # fmt: skip


def signed(issuer: TestIssuer, head: Any, body: Any, hashed: HashAlgorithm | None = None) -> str:
    return signed_token(text(head), text(body), issuer.private_keys["key-1"], hashed)


def wrong_json(issuer: TestIssuer) -> Corpus:
    """Genuinely signed, but no proper JSON object in the header or the payload."""
    head, body = text(HEAD), text(BODY)
    mangles: dict[str, Callable[[bytes], bytes]] = {
        "empty": lambda _: b"",
        "null": lambda _: b"null",
        "a list": lambda raw: b"[" + raw + b"]",
        "a string": lambda raw: json.dumps(raw.decode()).encode(),
        "a number": lambda _: b"1",
        "true": lambda _: b"true",
        "two objects": lambda raw: raw + raw,
        "a trailing comma": lambda raw: raw[:-1] + b",}",
        "a tail": lambda raw: raw + b"x",
        "a NUL behind": lambda raw: raw + b"\0",
        "a byte order mark": lambda raw: b"\xef\xbb\xbf" + raw,
        "UTF-16": lambda raw: raw.decode().encode("utf-16"),
        "UTF-16 without a mark": lambda raw: raw.decode().encode("utf-16-le"),
        "UTF-32": lambda raw: raw.decode().encode("utf-32"),
        "invalid UTF-8": lambda raw: raw[:-1] + b', "x": "\xff"}',
        "an overlong form": lambda raw: raw[:-1] + b', "x": "\xc0\xaf"}',
        "single quotes": lambda raw: raw.replace(b'"', b"'"),
        "a comment": lambda raw: raw[:-1] + b"/* */}",
        "NaN": lambda raw: raw[:-1] + b', "x": NaN}',
        "Infinity": lambda raw: raw[:-1] + b', "x": -Infinity}',
        "a control character": lambda raw: raw[:-1] + b', "x": "\n"}',
        "deep": lambda raw: raw[:-1] + b', "x": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        "a long number": lambda raw: raw[:-1] + b', "x": ' + b"9" * 5000 + b"}",
    }
    for name, mangle in mangles.items():
        yield f"header: {name}", signed(issuer, mangle(head), BODY)
        yield f"payload: {name}", signed(issuer, HEAD, mangle(body))
    for member in (b'"alg": "RS256"', b'"alg": "none"', b'"kid": "key-1"', b'"kid": "other"'):
        yield f"header twice {member!r}", signed(issuer, head[:-1] + b", " + member + b"}", BODY)
        yield f"header twice, first {member!r}", signed(issuer, b"{" + member + b", " + head[1:], BODY)
    for name in BODY:
        twice = body[:-1] + b", " + json.dumps({name: BODY[name]}).encode()[1:]
        yield f"payload twice {name}", signed(issuer, HEAD, twice)
    yield "payload twice, escaped", signed(issuer, HEAD, body[:-1] + rb', "\u0073ub": "x"}')
    yield "payload twice inside", signed(issuer, HEAD, body[:-1] + b', "x": {"a": 1, "a": 2}}')


def wrong_header(issuer: TestIssuer) -> Corpus:
    """Genuinely signed under a header that asks for what we do not do."""
    for member, value in {
        "crit": ["exp"],
        "b64": False,
        "zip": "DEF",
        "jku": f"{ISSUER}/.well-known/jwks.json",
        "jwk": issuer.jwks()["keys"][0],
        "x5u": ISSUER,
        "x5c": [],
    }.items():
        yield f"signed with {member}", signed(issuer, with_(HEAD, **{member: value}), BODY)
        yield f"signed with {member} null", signed(issuer, with_(HEAD, **{member: None}), BODY)
    for alg, hashed in (("RS384", SHA384()), ("RS512", SHA512())):
        yield f"signed as {alg}", signed(issuer, with_(HEAD, alg=alg), BODY, hashed)
        yield f"signed as {alg}, said RS256", signed(issuer, HEAD, BODY, hashed)
    for alg in ("RS256", "PS256"):
        message = f"{base64url(text(with_(HEAD, alg=alg)))}.{base64url(text(BODY))}"
        pss = issuer.private_keys["key-1"].sign(message.encode(), PSS(MGF1(SHA256()), 32), SHA256())
        yield f"signed with PSS, said {alg}", f"{message}.{base64url(pss)}"


def wrong_times(issuer: TestIssuer) -> Corpus:
    yield "no exp", signed(issuer, HEAD, with_(BODY, exp=GONE))
    for name in ("exp", "iat", "nbf"):
        for value in ODD_TIMES:
            yield f"{name} {value!r}", signed(issuer, HEAD, with_(BODY, **{name: value}))
        for number in ODD_NUMBERS:
            claims = text(with_(BODY, **{name: GONE}))[:-1] + b', "' + name.encode() + b'": ' + number + b"}"
            yield f"{name} {number[:9]!r}", signed(issuer, HEAD, claims)
    for seconds in (31, 61, 3600):
        yield f"not before {seconds} s from now", signed(issuer, HEAD, with_(BODY, nbf=NOW + seconds))
        yield f"issued {seconds} s from now", signed(issuer, HEAD, with_(BODY, iat=NOW + seconds))


def wrong_claims(issuer: TestIssuer) -> Corpus:
    for name, values in ODD_CLAIMS.items():
        for value in values:
            yield f"{name} {value!r}", signed(issuer, HEAD, with_(BODY, **{name: value}))
    yield "aud in place of client_id", signed(issuer, HEAD, with_(BODY, client_id=GONE, aud=WEB_CLIENT))
    yield "an id token", issuer.identity(USER, "reader@truecrime.test")
    yield "a service's token", issuer.service("openid")


async def test_no_wrong_token_is_accepted(ask: Ask, issuer: TestIssuer) -> None:
    makers = (wrong_json, wrong_header, wrong_times, wrong_claims)
    tokens = {f"{maker.__name__}: {name}": token for maker in makers for name, token in maker(issuer)}
    assert len(set(tokens.values())) == len(tokens) >= 225
    assert await judged_wrongly(ask, tokens) == {}


@pytest.mark.parametrize("ago", [0, 0.001, 1, 30, 60, 3600, NOW])
async def test_an_expired_token_is_told_so(ask: Ask, issuer: TestIssuer, ago: float) -> None:
    answer = await ask(signed(issuer, HEAD, with_(BODY, exp=NOW - ago)))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


async def test_a_token_that_is_wrong_and_expired_is_only_wrong(ask: Ask, issuer: TestIssuer) -> None:
    for changed in ({"iss": "other"}, {"client_id": "other"}, {"token_use": "id"}, {"sub": ""}):
        answer = await ask(signed(issuer, HEAD, with_(BODY, exp=NOW - 1, **changed)))
        assert answer.json()["code"] == "token_invalid"


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"exp": NOW + 1},
        {"exp": NOW + 3600.5},
        {"nbf": NOW},
        {"nbf": NOW + 30, "iat": NOW + 30},
        {"iat": GONE},
        {"scope": GONE},
        {"username": GONE},
        {"cognito:groups": []},
        {"aud": "https://api.truecrime.test"},
        {"aud": ["https://api.truecrime.test", WEB_CLIENT]},
        {"cognito:groups": ["reader", "admin"]},
        {"version": 2, "auth_time": NOW, "jti": str(uuid4()), "origin_jti": str(uuid4()), "x": {"deep": [1, None]}},
        {"username": "Ünï ☃ \U0001f50d"},
        {"fill": "x" * 9000},
    ],
)
async def test_a_valid_token_is_accepted(ask: Ask, issuer: TestIssuer, changed: dict[str, Any]) -> None:
    for head in (HEAD, with_(HEAD, typ="JWT"), with_(HEAD, typ="at+jwt", cty="x", x5t="y")):
        answer = await ask(signed(issuer, head, with_(BODY, **changed)))
        assert answer.status_code == 200, answer.text
        assert answer.json()["id"] == str(USER)


async def test_a_valid_token_written_with_spaces_and_in_any_order_is_accepted(ask: Ask, issuer: TestIssuer) -> None:
    body = json.dumps(dict(reversed(BODY.items())), indent=2).encode()
    assert (await ask(signed(issuer, b' { "kid" : "key-1" , "alg" : "RS256" } ', body))).status_code == 200
