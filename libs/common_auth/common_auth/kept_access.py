"""An answer about somebody's access, and for how long it may be believed: the cache rule of api.md 6.3."""

import random
from dataclasses import dataclass, replace
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
        return cls(snapshot, etag, now, _fresh_until(snapshot, now, random.uniform(1 - _JITTER, 1)))

    def as_hearsay(self, now: datetime) -> "KeptAccess":
        """Return what may be believed of an answer that another process passed on, perhaps by another clock.

        It stays fresh no longer than if payment had said it now, and comes without an ETag, by which payment would
        confirm what it never said. So what somebody else wrote into Redis ends by itself.
        """
        fresh_until = min(self.fresh_until, _fresh_until(self.snapshot, now))
        return replace(self, fetched_at=min(self.fetched_at, now), fresh_until=fresh_until)

    @classmethod
    def from_json(cls, raw: bytes) -> "KeptAccess":
        """Read what `to_json` wrote, without an ETag. Raises KeyError, TypeError, ValueError, OverflowError."""
        document = orjson.loads(raw)
        fetched_at, fresh_until = (datetime.fromisoformat(document[name]) for name in ("fetched_at", "fresh_until"))
        if fetched_at.tzinfo is None or fresh_until.tzinfo is None:
            raise ValueError("a time without a zone")
        return cls(AccessSnapshot.of(document["access"]), "", fetched_at, fresh_until)

    def to_json(self) -> bytes:
        """Return it for another process: the snapshot and nothing else about the person; no ETag (`as_hearsay`)."""
        times = {"fetched_at": self.fetched_at.isoformat(), "fresh_until": self.fresh_until.isoformat()}
        return orjson.dumps({"access": self.snapshot.document(), **times})

    @property
    def stale_until(self) -> datetime:
        """Until when it may serve while payment does not answer; a refusal never does."""
        return self.outranks_until if self.snapshot.entitled else self.fetched_at

    @property
    def outranks_until(self) -> datetime:
        """Until when an older version that payment tells is a late answer; after that, payment's word is the truth."""
        return _before_edge(self.snapshot, self.fetched_at + _STALE_IF_ERROR)


def _fresh_until(snapshot: AccessSnapshot, now: datetime, share: float = 1.0) -> datetime:
    life = timedelta(seconds=min(max(0.0, snapshot.ttl_seconds), _LONGEST_TTL) * share)
    return _before_edge(snapshot, now + (life if snapshot.entitled else min(life, _NEGATIVE_TTL)))


def _before_edge(snapshot: AccessSnapshot, instant: datetime) -> datetime:
    edge = snapshot.next_change_at
    return min(instant, edge) if edge else instant
