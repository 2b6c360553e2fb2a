"""Wakes this process's followers when another process adds to a generation's log."""

import asyncio
from uuid import UUID

import psycopg
from psycopg import sql

from common_service.jobs import Job
from story_service.application.live import LiveGenerations
from story_service.domain.ids import GenerationId
from story_service.infrastructure.generations import CHANNEL

_LOOK_UP_SECONDS = 1.0


def listening(database_url: str, live: LiveGenerations) -> Job:
    """Return the job. While it cannot hear, followers poll."""

    async def listen(stop: asyncio.Event) -> None:
        connection = await psycopg.AsyncConnection.connect(database_url, autocommit=True, connect_timeout=3)
        async with connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            live.hears_others = True
            try:
                while not stop.is_set():
                    async for notice in connection.notifies(timeout=_LOOK_UP_SECONDS):
                        generation_id, _, seq = notice.payload.partition(" ")
                        live.wake(GenerationId(UUID(generation_id)), int(seq))
            finally:
                live.hears_others = False
                live.wake_all()

    return Job("chunk-notifications", listen)
