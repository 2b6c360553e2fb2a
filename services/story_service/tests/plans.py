"""How a query is carried out: fails one that reads a table from end to end."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import event, text

from common_service.database import SqlWork
from common_service.statements import WorkSession


async def scans_a_table(work: SqlWork, ask: Callable[[], Awaitable[Any]], *, sorts: bool = True) -> int:
    """Fail if any statement of `ask` has to scan a table, or to sort unless it `sorts`; return how many it sent."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    connection = await work.session.connection()
    await work.session.execute(text("SET LOCAL enable_seqscan = off"))
    await work.session.execute(text(f"SET LOCAL enable_sort = {'on' if sorts else 'off'}"))
    engine = connection.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    assert isinstance(work.session, WorkSession)
    work.session.watch = lambda statement, values: asked.append((statement, values))
    await ask()
    work.session.watch = None
    event.remove(engine, "before_cursor_execute", note)
    for statement, parameters in asked:
        plan = (await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)).scalars().all()
        assert not [line for line in plan if "Seq Scan" in line or (not sorts and "Sort" in line)], plan
    return len(asked)
