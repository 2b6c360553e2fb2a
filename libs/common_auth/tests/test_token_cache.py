"""What a verifier remembers: never past a token's end, a revocation or 60 s, and never more than its share."""

from datetime import timedelta
from uuid import uuid4

import pytest

from common_auth.errors import TokenExpired, TokenInvalid
from common_auth.testing import ISSUER, WEB_CLIENT, TestIssuer
from common_auth.tokens import TokenVerifier
from common_service.testing import FixedClock

pytestmark = pytest.mark.anyio
USER = uuid4()


async def test_a_verified_token_is_remembered_for_a_minute_and_never_past_its_end() -> None:
    clock = FixedClock()
    issuer = TestIssuer(now=clock)
    verifier = TokenVerifier(issuer, issuer=ISSUER, clients=frozenset({WEB_CLIENT}), now=clock)
    token = issuer.reader(USER)
    short = issuer.reader(USER, exp=int((clock() + timedelta(seconds=30)).timestamp()))
    assert (await verifier.access(token)).subject == str(USER)
    await verifier.access(short)
    issuer.private_keys.clear()  # from here on only memory can know
    await verifier.access(token)
    clock.advance(seconds=29.9)
    await verifier.access(short)
    clock.advance(seconds=0.1)
    with pytest.raises(TokenInvalid):
        await verifier.access(short)
    clock.advance(seconds=30)
    with pytest.raises(TokenInvalid):
        await verifier.access(token)


async def test_a_person_can_be_forgotten_at_once() -> None:
    issuer = TestIssuer()
    verifier = TokenVerifier(issuer, issuer=ISSUER, clients=frozenset({WEB_CLIENT}), now=issuer.now)
    mine, other = issuer.reader(USER), issuer.reader()
    await verifier.access(mine)
    await verifier.access(other)
    issuer.private_keys.clear()
    verifier.forget(str(USER))
    await verifier.access(other)
    with pytest.raises(TokenInvalid):
        await verifier.access(mine)


async def test_what_is_remembered_is_this_very_token_and_no_other_like_it() -> None:
    issuer = TestIssuer()
    verifier = issuer.verifier()
    token = issuer.reader(USER)
    await verifier.access(token)
    text, _, signature = token.rpartition(".")
    for forged in (text + ".", f"{text}.{signature[:-4]}", f"{text}.{'A' * len(signature)}", token + "A", f"{token}."):
        with pytest.raises(TokenInvalid):
            await verifier.access(forged)


async def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    issuer = TestIssuer()
    verifier = issuer.verifier()
    first, last = issuer.reader(), issuer.reader()
    for token in (first, *(issuer.reader() for _ in range(4096)), last):
        await verifier.access(token)
    issuer.private_keys.clear()
    await verifier.access(last)
    with pytest.raises(TokenInvalid):
        await verifier.access(first)


async def test_a_revocation_ends_older_tokens_known_or_not_and_spares_newer_ones() -> None:
    clock = FixedClock()
    issuer = TestIssuer(now=clock)
    verifier = issuer.verifier()
    known, unknown, other = issuer.reader(USER), issuer.reader(USER), issuer.reader()
    undated = issuer.reader(USER, iat=0)
    await verifier.access(known)
    verifier.revoke(str(USER), clock())
    verifier.revoke(str(USER), clock() - timedelta(hours=1))  # news that comes late takes nothing back
    for token in (known, unknown, undated):
        with pytest.raises(TokenInvalid):
            await verifier.access(token)
    await verifier.access(other)
    clock.advance(seconds=1)
    assert (await verifier.access(issuer.reader(USER))).subject == str(USER)


async def test_a_revocation_is_kept_for_as_long_as_a_token_may_live() -> None:
    clock = FixedClock()
    issuer = TestIssuer(now=clock)
    verifier = issuer.verifier()
    old = issuer.reader(USER, exp=int((clock() + timedelta(hours=24)).timestamp()))
    verifier.revoke(str(USER), clock())
    clock.advance(hours=23.99)
    verifier.revoke(str(uuid4()), clock())
    with pytest.raises(TokenInvalid):
        await verifier.access(old)
    clock.advance(hours=0.02)
    verifier.revoke(str(uuid4()), clock())
    with pytest.raises(TokenExpired):  # the entry is gone, and so is the token
        await verifier.access(old)
