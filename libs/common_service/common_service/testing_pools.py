"""For tests of services: pools of connections that go from test to test, each time to another database.

    async with pools.opened(url, pool_size=10) as database: ...

A new engine compiles every statement anew and asks its first server who it is: a fifth of what a test on Postgres
costs. No connection outlives its test.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import URL, event, make_url

from common_service.database import Database, sqlalchemy_url


class Pools:
    """Lends a `Database` to one test after the other. One process uses it, and one thread."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str | None, int], list[_Lent]] = {}

    @contextlib.asynccontextmanager
    async def opened(self, url: str, *, pool_size: int) -> AsyncIterator[Database]:
        """Yield what opens connections to `url`; they are closed at the end."""
        place = make_url(sqlalchemy_url(url))
        idle = self._idle.setdefault((place.username, pool_size), [])
        lent = idle.pop() if idle else _Lent(url, pool_size)
        lent.place = place
        yield lent.database
        await lent.database.close()
        idle.append(lent)


class _Lent:
    def __init__(self, url: str, pool_size: int) -> None:
        self.place: URL
        self.database = Database(url, pool_size=pool_size)
        event.listen(self.database.engine.sync_engine, "do_connect", self._aim)

    def _aim(self, dialect: Any, _record: Any, _words: Any, parameters: dict[str, Any]) -> None:
        parameters.update(dialect.create_connect_args(self.place)[1])
