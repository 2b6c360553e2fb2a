"""Idempotency keys: the same key and body get the same answer, kept in the transaction of the effect (api.md 6.1)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    delete,
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
        table = self._table
        fresh = {
            "request_hash": digest,
            "state": "in_progress",
            "locked_until": now + lock_for,
            "created_at": now,
            "expires_at": now + KEEP,
        }
        takeover = {**fresh, "response_status": None, "response_body": None, "resource_id": None}
        lapsed = (table.c.expires_at <= now) | (
            (table.c.state == "in_progress") & (table.c.locked_until <= now) & (table.c.request_hash == digest)
        )
        taken = await self._session.execute(
            insert(table)
            .values(principal=principal, route=route, key=key, **fresh)
            .on_conflict_do_update(index_elements=["principal", "route", "key"], set_=takeover, where=lapsed)
            .returning(table.c.key)
        )
        if taken.first():
            return None
        return await self._stored(principal, route, key, digest)

    async def complete(
        self, principal: str, route: str, key: str, status: int, body: dict[str, Any], resource_id: UUID | None = None
    ) -> None:
        """Keep the answer under the key; one that a later claimant has already given stands."""
        done = {"state": "done", "response_status": status, "response_body": body, "resource_id": resource_id}
        open_key = *self._is(principal, route, key), self._table.c.state == "in_progress"
        await self._session.execute(update(self._table).where(*open_key).values(**done))

    async def _stored(self, principal: str, route: str, key: str, digest: bytes) -> StoredAnswer:
        found = await self._session.execute(select(self._table).where(*self._is(principal, route, key)))
        row = found.one_or_none()
        if row is not None and row.request_hash != digest:
            raise IdempotencyKeyReused
        if row is None or row.state != "done":  # None: it lapsed and was pruned this very moment
            raise IdempotencyInProgress
        return StoredAnswer(row.response_status, row.response_body, row.resource_id)

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


def _jsonable(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)
