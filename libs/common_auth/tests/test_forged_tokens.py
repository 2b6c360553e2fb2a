"""Tokens that anybody can make who has seen one token and the public key, sent to a real application: none holds."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from common_auth.testing import TestIssuer, base64url, signed_token
from libs.common_auth.tests.genuine import BODY, GONE, HEAD, Ask, Corpus, judged_wrongly, text, with_

pytestmark = pytest.mark.anyio
FORGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ALGORITHMS: list[Any] = [
    "none", "None", "NONE", "nOnE", "", None, 0, 12345, True, [], ["RS256"], {"alg": "RS256"}, "RS256 ", "rs256", GONE,
]  # fmt: skip


def signed(issuer: TestIssuer, head: Any, key: rsa.RSAPrivateKey | None = None) -> str:
    return signed_token(text(head), text(BODY), key or issuer.private_keys["key-1"])


def other_algorithms(issuer: TestIssuer) -> Corpus:
    _, body, signature = signed(issuer, HEAD).split(".")
    for alg in ALGORITHMS:
        for ending in ("", signature):
            yield f"alg {alg!r} with {len(ending)}", f"{base64url(text(with_(HEAD, alg=alg)))}.{body}.{ending}"
    message = f"{base64url(text(with_(HEAD, alg='ES256')))}.{body}"
    signed_by_curve = ec.generate_private_key(ec.SECP256R1()).sign(message.encode(), ec.ECDSA(SHA256()))
    yield "ES256", f"{message}.{base64url(signed_by_curve)}"


def shared_secrets(issuer: TestIssuer) -> Corpus:
    public = issuer.private_keys["key-1"].public_key()
    secrets = [b"", b"secret", public.public_numbers().n.to_bytes(256, "big"), text(issuer.jwks())]
    forms = (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1)
    secrets += [public.public_bytes(serialization.Encoding.PEM, form) for form in forms]
    secrets += [public.public_bytes(serialization.Encoding.DER, form) for form in forms]
    for n, secret in enumerate(secrets):
        for alg, digest in (("HS256", hashlib.sha256), ("HS384", hashlib.sha384), ("HS512", hashlib.sha512)):
            message = f"{base64url(text(with_(HEAD, alg=alg)))}.{base64url(text(BODY))}"
            yield f"{alg} {n}", f"{message}.{base64url(hmac.new(secret, message.encode(), digest).digest())}"


def foreign_keys(issuer: TestIssuer) -> Corpus:
    yield "another key", signed(issuer, HEAD, FORGER)
    yield "another key under a new kid", signed(issuer, with_(HEAD, kid="mine"), FORGER)
    for member, value in {
        "jwk": issuer.jwks()["keys"][0],
        "jku": "https://evil.example/jwks.json",
        "x5u": "https://evil.example/cert.pem",
        "x5c": ["MIIC"],
        "x5t": "dGh1bWI",
    }.items():
        yield f"a forger's {member}", signed(issuer, with_(HEAD, **{member: value}), FORGER)
    for kid in ("", " ", "key-0", "KEY-1", "key-1\0", "../key-1", "key-1' OR '1'='1", "/dev/null", "key-1 ", "ключ"):
        yield f"kid {kid!r}", signed(issuer, with_(HEAD, kid=kid))
    for odd in (None, 1, True, ["key-1"], {"kid": "key-1"}, GONE):
        yield f"kid that is no text {odd!r}", signed(issuer, with_(HEAD, kid=odd))


def signatures(issuer: TestIssuer) -> Corpus:
    head, body, signature = signed(issuer, HEAD).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    n, number = issuer.private_keys["key-1"].public_key().public_numbers().n, int.from_bytes(raw, "big")
    for name, bits in {
        "none": b"",
        "zero": bytes(256),
        "one": bytes(255) + b"\1",
        "n": n.to_bytes(256, "big"),
        "n - 1": (n - 1).to_bytes(256, "big"),
        "all ones": b"\xff" * 256,
        "cut": raw[:-1],
        "cut in front": raw[1:],
        "longer": raw + b"\0",
        "longer in front": b"\0" + raw,
        "doubled": raw * 2,
        "plus n": (number + n).to_bytes(257, "big"),
        "n minus it": (n - number).to_bytes(256, "big"),
    }.items():
        yield f"signature {name}", f"{head}.{body}.{base64url(bits)}"
    for place in (0, 1, 127, 128, 254, 255):
        flipped = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        yield f"a bit flipped at {place}", f"{head}.{body}.{base64url(flipped)}"
    admin = base64url(text(with_(BODY, **{"cognito:groups": ["admin"]})))
    yield "a payload put in place of another", f"{head}.{admin}.{signature}"
    yield "a header put in place of another", f"{base64url(text(with_(HEAD, typ='JWT')))}.{body}.{signature}"


def disfigured(issuer: TestIssuer) -> Corpus:
    good = signed(issuer, HEAD)
    head, body, signature = good.split(".")
    yield from {
        "nothing": ".",
        "two dots": "..",
        "three dots": "...",
        "one part": head,
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.",
        "five parts": f"{good}.x.y",
        "a dot before": f".{good}",
        "double dots": f"{head}..{body}.{signature}",
        "no header": f".{body}.{signature}",
        "no payload": f"{head}..{signature}",
        "JSON serialization": json.dumps({"protected": head, "payload": body, "signature": signature}).replace(" ", ""),
        "quoted": f'"{good}"',
        "padded signature": f"{good}==",
        "padded header": f"{head}=.{body}.{signature}",
        "padded payload": f"{head}.{body}=.{signature}",
        "percent-encoded": good.replace(".", "%2E"),
        "a byte of Latin-1": good[:-1] + "ÿ",
        "a star in the signature": f"{head}.{body}.*{signature}",
        "a line break written out": f"{head}\\n.{body}.{signature}",
        "a null character written out": f"{good}%00",
        "plain base64": f"{head}.{body}."
        + base64.b64encode(base64.urlsafe_b64decode(signature + "==")).decode().rstrip("="),
        "reversed": good[::-1],
        "upper case": good.upper(),
        "lower case": good.lower(),
        "17 KiB": f"{head}.{'A' * 17000}.{signature}",
        "17 KiB of dots": "." * 17000,
        "17 KiB, signed": signed(issuer, with_(HEAD, fill="x" * 17000)),
    }.items()
    for part, label in enumerate(("header", "payload", "signature")):
        pieces = good.split(".")
        last = pieces[part][-1]
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        pieces[part] = pieces[part][:-1] + letters[letters.index(last) ^ 1]
        yield f"stray bits in the {label}", ".".join(pieces)


async def test_no_forged_token_is_accepted(ask: Ask, issuer: TestIssuer) -> None:
    makers = (other_algorithms, shared_secrets, foreign_keys, signatures, disfigured)
    tokens = {f"{maker.__name__}: {name}": token for maker in makers for name, token in maker(issuer)}
    assert len(set(tokens.values())) == len(tokens) >= 130
    assert await judged_wrongly(ask, tokens) == {}


async def test_the_token_they_are_made_from_holds(ask: Ask, issuer: TestIssuer) -> None:
    assert (await ask(signed(issuer, HEAD))).status_code == 200
