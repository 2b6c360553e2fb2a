"""The gate's second level: what one process learned of somebody's access, for all that share the Redis (ADR 17).

Redis may be lost, slow or away at any time: the gate then asks payment, as if there were no second level.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from common_auth.kept_access import KeptAccess

log = structlog.get_logger("shared_access")
CHANNEL = "access.changed"
_PATIENCE = 0.05
_COOL_DOWN = 5.0
_MOST_AT_ONCE = 64
_SHORTEST_LIFE_MS = 60_000  # the version outlives every call that may have been made before it

_LOOK = """
local kept = redis.call('HMGET', KEYS[1], 'fresh_until', 'kept')
if kept[2] and tonumber(kept[1]) > tonumber(ARGV[1]) then return {kept[2], 0} end
local leads = redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) or redis.call('GET', KEYS[2]) == ARGV[2]
return {kept[2] or '', leads and 1 or 0}
"""
_STORE = """
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if tonumber(ARGV[2]) < tonumber(redis.call('HGET', KEYS[1], 'version') or '-1') then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'fresh_until', ARGV[3], 'kept', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_CHANGED = """
if tonumber(ARGV[1]) > tonumber(redis.call('HGET', KEYS[1], 'version') or '-1') then
  redis.call('HDEL', KEYS[1], 'kept', 'fresh_until')
  redis.call('HSET', KEYS[1], 'version', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('DEL', KEYS[2])
end
return redis.call('PUBLISH', ARGV[3], ARGV[4])
"""


class Look(NamedTuple):
    """What is shared about a person, fresh or not, and whether this process is the one to ask payment."""

    kept: KeptAccess | None
    leads: bool


NOTHING = Look(None, leads=True)


class SharedAccess:
    """Entries by person, in the order of their versions.

    No call takes longer than `patience_seconds`; after one that failed, Redis is left alone for 5 s. At most 64 calls
    are under way: a crowd goes past Redis instead of opening more connections.
    """

    def __init__(
        self, redis: Redis, monotonic: Callable[[], float] = time.monotonic, patience_seconds: float = _PATIENCE
    ) -> None:
        self._look, self._store = redis.register_script(_LOOK), redis.register_script(_STORE)
        self._release = redis.register_script(_RELEASE)
        self._me, self._monotonic, self._quiet_until = uuid4().hex, monotonic, 0.0
        self._patience, self._under_way = patience_seconds, 0

    async def look(self, user_id: UUID, now: datetime, lead_seconds: float) -> Look:
        """Return what is shared; without Redis nothing, never an error. Where nothing is fresh, the first leads for
        `lead_seconds`.
        """
        arguments = (now.timestamp(), self._me, int(lead_seconds * 1000))
        answer = await self._bounded(lambda: self._look(_keys(user_id), arguments))
        if answer is None:
            return NOTHING
        if not answer[0]:
            return Look(None, leads=bool(answer[1]))
        kept = _readable(answer[0], user_id, now)
        return Look(kept, leads=bool(answer[1])) if kept else NOTHING

    async def store(self, kept: KeptAccess, now: datetime) -> None:
        """Share an answer unless a newer version is known, and let go of the lead."""
        snapshot = kept.snapshot
        life = max(kept.fresh_until, kept.stale_until) - now
        life_ms = max(int(life.total_seconds() * 1000), _SHORTEST_LIFE_MS)
        arguments = (self._me, snapshot.version, kept.fresh_until.timestamp(), kept.to_json(), life_ms)
        await self._bounded(lambda: self._store(_keys(snapshot.user_id), arguments))

    async def release(self, user_id: UUID) -> None:
        """Let another process ask: this one learned nothing."""
        await self._bounded(lambda: self._release(_keys(user_id)[1:], (self._me,)))

    async def _bounded(self, call: Callable[[], Awaitable[Any]]) -> Any:
        if self._under_way >= _MOST_AT_ONCE or self._monotonic() < self._quiet_until:
            return None
        self._under_way += 1
        try:
            async with asyncio.timeout(self._patience):
                return await call()
        except (RedisError, OSError, TimeoutError) as error:
            self._quiet_until = self._monotonic() + _COOL_DOWN
            log.warning("redis does not answer", reason=type(error).__name__)
            return None
        finally:
            self._under_way -= 1


async def announce(redis: Redis, user_id: UUID, version: int, message: bytes) -> None:
    """Drop what is older than `version` and tell every listener, in one step. Raises RedisError."""
    arguments = (version, _SHORTEST_LIFE_MS, CHANNEL, message)
    await redis.eval(_CHANGED, 2, *_keys(user_id), *arguments)


def _keys(user_id: UUID) -> list[str]:
    return [f"access:{{{user_id}}}", f"access:{{{user_id}}}:asking"]


def _readable(raw: bytes, user_id: UUID, now: datetime) -> KeptAccess | None:
    try:
        kept = KeptAccess.from_json(raw)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return kept.as_hearsay(now) if kept.snapshot.user_id == user_id else None
