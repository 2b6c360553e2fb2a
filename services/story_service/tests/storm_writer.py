"""A process that has stories written until it is killed."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from multiprocessing.connection import Connection

from common_service.database import Database
from services.story_service.tests.worlds import STORY_TEXT, CountedWork, World, in_pieces
from story_service.domain.ids import UserId
from story_service.domain.pricing import CatalogModel, Usage
from story_service.domain.prompt import Prompt


class PacedWriter:
    """Writes as a model does: piece by piece, once it may begin."""

    def __init__(self, seed: int) -> None:
        self._draw, self.begins = random.Random(seed), asyncio.Event()

    async def write(self, model: CatalogModel, prompt: Prompt, most_tokens: int) -> AsyncGenerator[str | Usage, None]:
        del model, prompt, most_tokens
        await self.begins.wait()
        for piece in in_pieces(STORY_TEXT, 20):
            await asyncio.sleep(self._draw.uniform(0, 0.01))
            assert isinstance(piece, str | Usage)
            yield piece


def write(database_url: str, readers: Sequence[UserId], seed: int, told: Connection) -> None:
    """Have one story accepted for each reader, tell their ids, and write them all at once."""
    asyncio.run(_write(database_url, readers, seed, told))


async def _write(database_url: str, readers: Sequence[UserId], seed: int, told: Connection) -> None:
    database, writer = Database(database_url, pool_size=10), PacedWriter(seed)
    world = World(lambda: CountedWork(database), provider=writer, first_word_seconds=60)
    told.send([(await world.ask(user_id=reader)).id for reader in readers])
    writer.begins.set()
    await asyncio.Event().wait()
