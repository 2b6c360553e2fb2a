"""Spans of SQL statements, by SQLAlchemy's own events. (The contributed instrumentor refuses SQLAlchemy 2.1.)"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg
from opentelemetry.trace import Span, SpanKind, Tracer
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from common_service.database_checks import only_reads
from common_service.tracing import fail, found_work, is_kept, tracer

_LITERAL = re.compile(r"'(?:[^']|'')*'|--[^\n]*")
_OPERATION = re.compile(r"\s*([A-Za-z]{2,16})\b")
_TABLE = re.compile(
    r'\b(?:FROM|INTO|UPDATE|JOIN)\s+(?:ONLY\s+)?("?[A-Za-z_]\w*"?(?:\."?[A-Za-z_]\w*"?)?)', re.IGNORECASE
)
_KEY = "common_service.span"


def trace_statements(engine: Engine) -> None:
    """Make a span of each statement that runs within a traced request or event: its operation and table, no word more.

    Does nothing where nothing is traced.
    """
    spans = tracer()
    if spans is None:
        return

    def begin(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        if is_kept():
            setattr(context, _KEY, _begun(spans, statement))

    def end(_connection: Any, cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        if span := _taken(context):
            span.end()
            if cursor.rowcount > 0 and not only_reads(statement):
                found_work()

    def abort(error: ExceptionContext) -> None:
        if span := _taken(error.execution_context):
            fail(span, error.original_exception)
            span.end()

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    event.listen(engine, "handle_error", abort)


@contextmanager
def spanned(statement: str) -> Iterator[None]:
    """Make the same span of a statement that the driver runs itself."""
    spans = tracer()
    if spans is None or not is_kept():
        yield
        return
    span = _begun(spans, statement)
    try:
        yield
    except psycopg.Error as error:
        fail(span, error)
        raise
    finally:
        span.end()


def _begun(spans: Tracer, statement: str) -> Span:
    name, attributes = _told(statement)
    return spans.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)


def _taken(context: Any) -> Span | None:
    span: Span | None = getattr(context, _KEY, None)
    if span is not None:
        setattr(context, _KEY, None)
    return span


@lru_cache(maxsize=512)
def _told(statement: str) -> tuple[str, dict[str, str]]:
    """Return a span's name and attributes: what the statement does, and to which table first."""
    bare = _LITERAL.sub("", statement)
    operation = found[1].upper() if (found := _OPERATION.match(bare)) else "SQL"
    attributes = {"db.system.name": "postgresql", "db.operation.name": operation}
    table = found[1].replace('"', "") if (found := _TABLE.search(bare)) else ""
    if table:
        attributes["db.collection.name"] = table
    return f"{operation} {table}".rstrip(), attributes
