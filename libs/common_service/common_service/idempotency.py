"""Idempotency keys: the same key and body get the same answer, kept in the transaction of the effect (api.md 6.1)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Header
from pydantic import BaseModel
from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    bindparam,
    delete,
    literal,
    null,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from common_service.clock import Clock, utc_now
from common_service.database import Database
from common_service.jobs import Job, periodic
from common_service.problems import Problem
from common_service.statements import Compiled, later, row

_PRUNED = 1000
KEEP = timedelta(hours=24)
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="Names this attempt; repeat it to repeat safely.",
    ),
]


class IdempotencyKeyReused(Exception):
    """The key came before with another body."""


class IdempotencyInProgress(Exception):
    """The first call with this key has not ended yet."""


IDEMPOTENCY_PROBLEMS = {
    IdempotencyKeyReused: Problem(
        422, "idempotency_key_reused", detail="This Idempotency-Key came before with another body."
    ),
    IdempotencyInProgress: Problem(
        409, "idempotency_in_progress", retry_after=1, detail="The first call with this key still runs."
    ),
}


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the first call with this key was answered."""

    status: int
    body: dict[str, Any]
    resource_id: UUID | None


def request_hash(body: object) -> bytes:
    """Return the digest that tells two bodies apart; the order of an object's names does not matter."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS, default=_jsonable)).digest()


def idempotency_table(metadata: MetaData) -> Table:
    """Describe the table of the keys in a service's schema."""
    return Table(
        "idempotency_keys",
        metadata,
        Column("principal", Text, nullable=False),
        Column("route", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("request_hash", LargeBinary, nullable=False),
        Column("state", Text, nullable=False),
        Column("response_status", SmallInteger),
        Column("response_body", JSONB),
        Column("resource_id", Uuid),
        Column("locked_until", DateTime(timezone=True), nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("principal", "route", "key"),
        CheckConstraint("length(key) BETWEEN 1 AND 128", name="key_length"),
        CheckConstraint("state IN ('in_progress','done')", name="state_known"),
        CheckConstraint("state = 'in_progress' OR response_status IS NOT NULL", name="done_has_answer"),
        Index("ix_idempotency_keys_expires_at", "expires_at"),
    )


class IdempotencyKeys:
    """The keys as seen from one transaction: a second caller with the same key waits for the first one's commit."""

    def __init__(self, session: AsyncSession, table: Table) -> None:
        self._session, self._table = session, table

    async def claim(
        self,
        principal: str,
        route: str,
        key: str,
        digest: bytes,
        now: datetime,
        *,
        lock_for: timedelta = timedelta(seconds=60),
    ) -> StoredAnswer | None:
        """Take the key, or return the answer it has. Raises IdempotencyKeyReused, IdempotencyInProgress.

        `lock_for` bounds how long a caller that died between two transactions keeps the others out.
        """
        fresh = {"request_hash": digest, "locked_until": now + lock_for, "created_at": now, "expires_at": now + KEEP}
        wanted = {"principal": principal, "route": route, "key": key, "now": now, **fresh}
        if await row(self._session, _claiming(self._table), wanted):
            return None
        return await self._stored(principal, route, key, digest)

    async def complete(
        self, principal: str, route: str, key: str, status: int, body: dict[str, Any], resource_id: UUID | None = None
    ) -> None:
        """Keep the answer under the key; one that a later claimant has already given stands."""
        done = {"response_status": status, "response_body": body, "resource_id": resource_id}
        whose = {"of_principal": principal, "of_route": route, "of_key": key}
        later(self._session, _completing(self._table), whose | done)

    async def _stored(self, principal: str, route: str, key: str, digest: bytes) -> StoredAnswer:
        found = await self._session.execute(select(self._table).where(*self._is(principal, route, key)))
        kept = found.one_or_none()
        if kept is not None and kept.request_hash != digest:
            raise IdempotencyKeyReused
        if kept is None or kept.state != "done":  # None: it lapsed and was pruned this very moment
            raise IdempotencyInProgress
        return StoredAnswer(kept.response_status, kept.response_body, kept.resource_id)

    def _is(self, principal: str, route: str, key: str) -> tuple[Any, ...]:
        columns = self._table.c
        return columns.principal == principal, columns.route == route, columns.key == key


def pruning_of_keys(database: Database, table: Table, now: Clock = utc_now) -> Job:
    """Return the job that removes lapsed keys, 1,000 at a time, looking once a minute."""

    async def prune() -> bool:
        lapsed = select(table.c.principal, table.c.route, table.c.key).where(table.c.expires_at <= now()).limit(_PRUNED)
        key = tuple_(table.c.principal, table.c.route, table.c.key)
        async with database.session() as session:
            gone = await session.execute(delete(table).where(key.in_(lapsed)).returning(table.c.key))
            pruned = len(gone.all())
            await session.commit()
        return pruned == _PRUNED

    return periodic("idempotency-pruning", prune, seconds=60.0)


@cache
def _claiming(table: Table) -> Compiled:
    """Return the statement that takes a key: a new one, one that lapsed, or one whose claimant died."""
    names = ("principal", "route", "key", "request_hash", "locked_until", "created_at", "expires_at")
    fresh: dict[str, Any] = {name: bindparam(name) for name in names} | {"state": literal("in_progress")}
    insertion = insert(table).values(fresh)
    given = {name: insertion.excluded[name] for name in (*names[3:], "state")}
    takeover = {**given, "response_status": null(), "response_body": null(), "resource_id": null()}
    now = bindparam("now", type_=DateTime(timezone=True))
    died = (table.c.state == "in_progress") & (table.c.locked_until <= now)
    lapsed = (table.c.expires_at <= now) | (died & (table.c.request_hash == insertion.excluded.request_hash))
    keys = ["principal", "route", "key"]
    return Compiled(
        insertion.on_conflict_do_update(index_elements=keys, set_=takeover, where=lapsed).returning(table.c.key)
    )


@cache
def _completing(table: Table) -> Compiled:
    columns = table.c
    return Compiled(
        update(table)
        .where(
            columns.principal == bindparam("of_principal"),
            columns.route == bindparam("of_route"),
            columns.key == bindparam("of_key"),
            columns.state == "in_progress",
        )
        .values(
            state="done",
            response_status=bindparam("response_status"),
            response_body=bindparam("response_body"),
            resource_id=bindparam("resource_id"),
        )
    )


def _jsonable(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)
