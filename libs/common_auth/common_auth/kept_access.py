"""An answer about somebody's access, and for how long it may be believed: the cache rule of api.md 6.3."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from common_auth.access import AccessSnapshot

_NEGATIVE_TTL = timedelta(seconds=5)
_STALE_IF_ERROR = timedelta(seconds=120)
_LONGEST_TTL = 3600.0
_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class KeptAccess:
    """A snapshot with its ETag, when it was fetched or confirmed, and until when it needs no asking."""

    snapshot: AccessSnapshot
    etag: str
    fetched_at: datetime
    fresh_until: datetime

    @classmethod
    def of(cls, snapshot: AccessSnapshot, etag: str, now: datetime) -> "KeptAccess":
        """Keep what payment said now: for its own ttl less up to 10 %, a refusal for 5 s, none past the next change."""
        life = timedelta(seconds=min(snapshot.ttl_seconds, _LONGEST_TTL) * random.uniform(1 - _JITTER, 1))
        fresh_until = now + (life if snapshot.entitled else min(life, _NEGATIVE_TTL))
        return cls(snapshot, etag, now, _before_edge(snapshot, fresh_until))

    @classmethod
    def from_json(cls, raw: bytes) -> "KeptAccess":
        """Read what `to_json` wrote. Raises KeyError, TypeError, ValueError."""
        document = orjson.loads(raw)
        fetched_at, fresh_until = (datetime.fromisoformat(document[name]) for name in ("fetched_at", "fresh_until"))
        if fetched_at.tzinfo is None or fresh_until.tzinfo is None:
            raise ValueError("a time without a zone")
        return cls(AccessSnapshot.of(document["access"]), str(document["etag"]), fetched_at, fresh_until)

    def to_json(self) -> bytes:
        """Return it for another process: the snapshot and nothing else about the person."""
        times = {"fetched_at": self.fetched_at.isoformat(), "fresh_until": self.fresh_until.isoformat()}
        return orjson.dumps({"access": self.snapshot.document(), "etag": self.etag, **times})

    @property
    def stale_until(self) -> datetime:
        """Until when it may serve while payment does not answer; a refusal never does."""
        if not self.snapshot.entitled:
            return self.fetched_at
        return _before_edge(self.snapshot, self.fetched_at + _STALE_IF_ERROR)


def _before_edge(snapshot: AccessSnapshot, instant: datetime) -> datetime:
    edge = snapshot.next_change_at
    return min(instant, edge) if edge else instant
