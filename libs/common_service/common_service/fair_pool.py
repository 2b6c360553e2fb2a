"""A pool whose connections go to whoever has waited longest.

SQLAlchemy's own gives them to whoever asks next: under steady load a request may wait in vain for seconds, while
hundreds that came after it are served.
"""

import asyncio
from collections import deque
from functools import cached_property
from typing import TypeVar

from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util.queue import AsyncAdaptedQueue

Item = TypeVar("Item")


class FairQueue(asyncio.Queue[Item]):
    """Hands an item to whoever is first in the line, so that nobody can take it from there before it is fetched."""

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._line: deque[asyncio.Future[Item]] = deque()

    def put_nowait(self, item: Item) -> None:
        """Hand it over, or keep it where nobody waits."""
        while self._line:
            first = self._line.popleft()
            if not first.done():  # who left stays in the line until then
                first.set_result(item)
                return
        super().put_nowait(item)

    async def get(self) -> Item:
        """Take an item, or wait in the line."""
        if not self.empty():
            return self.get_nowait()
        mine: asyncio.Future[Item] = asyncio.get_running_loop().create_future()
        self._line.append(mine)
        try:
            return await mine
        except asyncio.CancelledError:
            if not mine.cancelled():  # it was handed over in the same moment
                self.put_nowait(mine.result())
            raise


class _Adapted(AsyncAdaptedQueue[ConnectionPoolEntry]):
    @cached_property
    def _queue(self) -> asyncio.Queue[ConnectionPoolEntry]:
        return FairQueue(self.maxsize)


class FairPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool over a fair queue."""

    _sqla_logger_namespace = "sqlalchemy.pool.FairPool"  # it logs every connection that comes and goes, if asked to
    _queue_class = _Adapted
