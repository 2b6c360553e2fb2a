"""Statements in one round trip, with the BEGIN before them and the COMMIT behind them.

The driver's own pipeline waits on the socket for every statement it is given, which costs more than the statements.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, TransactionStatus
from psycopg.rows import namedtuple_row

Driver = psycopg.AsyncConnection[Any]
Cursor = psycopg.AsyncCursor[Any]
Sent = tuple[str, Mapping[str, Any]]


async def send(driver: Driver, statements: Sequence[Sent], *, commit: bool = False) -> list[Cursor]:
    """Run statements in their order, and return a cursor for each. Raises the first error; nothing ran behind it."""
    cursors: list[Cursor] = [driver.cursor(row_factory=namedtuple_row) for _ in statements]
    async with driver.lock:
        await driver.wait(_in_one(driver, cursors, statements, commit=commit))
    return cursors


def _in_one(driver: Driver, cursors: Sequence[Cursor], statements: Sequence[Sent], *, commit: bool) -> PQGen[None]:
    driver._check_connection_ok()
    is_begun = driver.autocommit or driver.pgconn.transaction_status != TransactionStatus.IDLE
    pipeline = driver._pipeline = psycopg.AsyncPipeline(driver)
    try:
        yield from pipeline._enter_gen()
        if not is_begun:
            yield from driver._exec_command(driver._get_tx_start_command())
        for cursor, (sql, values) in zip(cursors, statements, strict=True):
            cursor._tx = Transformer(cursor)
            yield from cursor._maybe_prepare_gen(cursor._convert_query(sql, values))
        yield from driver._prepared.maintain_gen(driver)
        if commit:
            yield from driver._exec_command(b"COMMIT")
        yield from _exchange(pipeline)
    finally:
        pipeline._exit(None)
        driver._pipeline = None


def _exchange(pipeline: psycopg.AsyncPipeline) -> PQGen[None]:
    """Send all and read every answer. What is raised is the first error, not that others were skipped for it."""
    pipeline._enqueue_sync()
    failure: psycopg.Error | None = None
    try:
        yield from pipeline._communicate_gen()
    except psycopg.Error as error:
        failure = error
    if pipeline.pgconn.status != ConnStatus.BAD:
        try:
            yield from pipeline._fetch_gen(flush=False)
        except psycopg.Error as error:
            failure = failure or error
    if failure:
        raise failure
