"""Project Wycheproof's JWS vectors that have an RSA key: what is valid RS256 holds, everything else does not."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from common_auth.errors import TokenInvalid
from common_auth.jwks import usable_keys
from common_auth.jws import signed_text, verified_payload

pytestmark = pytest.mark.anyio
GROUPS = json.loads((Path(__file__).parent / "data/wycheproof_jws_rsa.json").read_text())["testGroups"]


class KeySet:
    def __init__(self, jwk: dict[str, Any]) -> None:
        self.keys = usable_keys({"keys": [jwk]})

    async def key(self, kid: str) -> RSAPublicKey | None:
        return self.keys.get(kid)


async def holds(jwk: dict[str, Any], token: str) -> bool:
    try:
        await verified_payload(KeySet(jwk), signed_text(token))
    except TokenInvalid:
        return False
    return True


async def test_every_vector_is_judged_as_it_says() -> None:
    wrongly_judged, valid = [], 0
    for group in GROUPS:
        ours = group["public"].get("alg") == "RS256"
        for vector in group["tests"]:
            expected = vector["result"] == "valid" and ours
            valid += expected
            if await holds(group["public"], vector["jws"]) != expected:
                wrongly_judged.append((vector["tcId"], vector["comment"]))
    assert wrongly_judged == []
    assert valid == 8
    assert sum(len(group["tests"]) for group in GROUPS) == 318
