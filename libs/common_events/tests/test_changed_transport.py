"""What one transport was given and nobody has read, when another takes its place."""

from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from common_events.envelope import Envelope
from common_events.relay import Relay
from common_service.database import Database
from libs.common_events.tests.relaying import OFTEN, published, relay, running, tell, until_counted

pytestmark = pytest.mark.anyio


async def test_what_redis_was_given_and_nobody_consumed_goes_out_over_the_transport_after_it(
    database: Database, database_url: str, redis: Redis
) -> None:
    sent = list[int]()

    class Keeping:  # as SNS: what it has taken is not lost
        async def publish(self, envelopes: Sequence[Envelope]) -> None:
            sent.extend(envelope.aggregate_version for envelope in envelopes)

    after = Relay(database_url, schema="kit", source="kit", publisher=Keeping(), poll_seconds=OFTEN).job()
    async with running(relay(database_url, redis)):
        await tell(database, 1, 2)
        await published(database)
    for version in (3, 4):  # the second time nothing is left behind
        await tell(database, version)
        async with running(after):
            await until_counted(database, "SELECT count(*) FROM kit.outbox WHERE consumed_at IS NULL", 0)
    assert sent == [1, 2, 3, 4]
