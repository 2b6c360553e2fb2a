"""A cheap look at the queue, ten times a second, on a connection of its own.

A NOTIFY by the webhook's statement would wake the worker sooner, but commits that notify queue for one lock of the
whole server, and taking webhooks in is the path that must not queue.
"""

from types import TracebackType
from typing import Self

import psycopg

_ANY = """
SELECT 1 FROM payment.customer_syncs WHERE requests > answered AND NOT dead
AND due_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until <= clock_timestamp()) LIMIT 1
"""


class DueSyncs:
    """Tells whether a claim is worth its transaction. Every method raises psycopg.Error when the connection breaks."""

    _connection: psycopg.AsyncConnection

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    async def any(self) -> bool:
        """Tell whether a customer is due that nobody holds."""
        return await (await self._connection.execute(_ANY)).fetchone() is not None

    async def __aenter__(self) -> Self:
        self._connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=3, application_name="customer-syncs"
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()
