"""Revoked tokens are refused by every process: by those that listen, and by those that start later."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from common_auth.errors import TokenInvalid
from common_auth.revocations import Revocations
from common_auth.testing import TestIssuer
from common_auth.tokens import TokenVerifier
from common_service.clock import utc_now

pytestmark = pytest.mark.anyio


async def refused(verifier: TokenVerifier, token: str) -> None:
    """Wait until a token is refused."""
    async with asyncio.timeout(5):
        while True:
            try:
                await verifier.access(token)
            except TokenInvalid:
                return
            await asyncio.sleep(0.005)


async def listened_to(redis: Redis) -> None:
    """Wait until somebody listens."""
    async with asyncio.timeout(5):
        while True:
            if dict(await redis.pubsub_numsub("tokens.revoked"))[b"tokens.revoked"]:
                return
            await asyncio.sleep(0.005)


async def test_who_listens_hears_it_and_who_starts_later_reads_it(redis_url: str) -> None:
    issuer, user_id = TestIssuer(now=utc_now), uuid4()
    early, late = issuer.verifier(), issuer.verifier()
    token, other = issuer.reader(user_id), issuer.reader()
    async with Redis.from_url(redis_url) as redis:
        revocations = Revocations(redis)
        listening = asyncio.ensure_future(revocations.listener(early).run(asyncio.Event()))
        await early.access(token)
        await listened_to(redis)
        await revocations.publish(str(user_id), utc_now())
        await revocations.publish(str(user_id), utc_now() - timedelta(hours=1))  # news that comes late
        await revocations.publish(str(uuid4()), utc_now() - timedelta(days=2))
        await refused(early, token)
        assert await redis.zcard("tokens:revoked") == 1
        reading = asyncio.ensure_future(revocations.listener(late).run(asyncio.Event()))
        await refused(late, token)
        for verifier in (early, late):
            await verifier.access(other)
        for task in (listening, reading):
            task.cancel()
        await asyncio.gather(listening, reading, return_exceptions=True)
