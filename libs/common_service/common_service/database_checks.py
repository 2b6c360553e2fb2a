"""What is looked at before a connection of the pool, or a statement, is used."""

import re
import select
import time
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError

_RETURNED_AT = "common_service.returned_at"
_READS = re.compile(r"\s*(?:SELECT|WITH|SHOW)\b", re.IGNORECASE)
_MORE = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE|FOR (?:KEY )?SHARE|pg_advisory_\w+|pg_notify)\b", re.IGNORECASE)


def check_on_checkout(engine: Engine, trusted_seconds: float) -> None:
    """Replace connections whose server has gone, without the round trip that a ping before each use costs.

    A server that ends a connection, by a restart or on purpose, says so on the socket: a look at that costs a
    microsecond. Only a connection that has something to say, or that nobody used for `trusted_seconds`, is
    asked. Of a server that
    vanished without a word meanwhile, the statement itself learns, in its own time.
    """

    def note(_connection: Any, record: Any) -> None:
        record.info[_RETURNED_AT] = time.monotonic()

    def check(connection: Any, record: Any, _proxy: Any) -> None:
        returned_at = record.info.get(_RETURNED_AT)
        if returned_at is None:  # it was made just now
            return
        driver: psycopg.AsyncConnection = connection.driver_connection
        if time.monotonic() - returned_at < trusted_seconds and not _has_news(driver):
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise DisconnectionError from error  # the pool takes a new one in its place

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", check)


def refuse_writes(engine: Engine) -> None:
    """Let nothing but reading pass: elsewhere than in a transaction a write is final, and a lock is none."""

    def refuse(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        ensure_reads(statement)

    event.listen(engine, "before_cursor_execute", refuse)


def ensure_reads(statement: str) -> None:
    """Raise RuntimeError for a statement that writes or locks."""
    if not only_reads(statement):
        raise RuntimeError("a session that reads was told to write or to lock")


@lru_cache(maxsize=512)
def only_reads(statement: str) -> bool:
    """Tell whether a statement neither writes nor locks."""
    return _READS.match(statement) is not None and _MORE.search(statement) is None


def _has_news(connection: psycopg.AsyncConnection) -> bool:
    """Tell whether an idle connection has been closed, or anything has come that nobody asked for."""
    if connection.closed:
        return True
    poll = select.poll()  # not select(): that ends at 1,023 descriptors
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
