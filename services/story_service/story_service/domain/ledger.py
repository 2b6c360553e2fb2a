"""The hash-chained record of what was reserved, settled and released for a reader."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from story_service.domain.ids import GrantId, ReservationId, UserId

RESERVE, SETTLE, RELEASE, ADJUST = "reserve", "settle", "release", "adjust"
GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a reader's chain."""

    seq: int = 0
    hash: bytes = GENESIS


@dataclass(frozen=True, slots=True)
class Posting:
    """A movement of one meter, and what its window, or its grant, holds after it."""

    meter: str
    kind: str
    amount: int
    reserved_after: int
    settled_after: int
    grant_id: GrantId | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A posting in its place in the chain; one of no reservation was made by an admin, and `ref` says why."""

    user_id: UserId
    seq: int
    posting: Posting
    reservation_id: ReservationId | None
    occurred_at: datetime
    prev_hash: bytes
    hash: bytes
    ref: str | None = None


def extend(
    head: Head, user_id: UserId, reservation_id: ReservationId, postings: Iterable[Posting], now: datetime
) -> tuple[list[LedgerEntry], Head]:
    """Return the entries that these postings add behind `head`, and the new head."""
    entries = []
    for posting in postings:
        seq = head.seq + 1
        digest = _hash(head.hash, user_id, seq, posting, reservation_id, now)
        entries.append(LedgerEntry(user_id, seq, posting, reservation_id, now, head.hash, digest))
        head = Head(seq, digest)
    return entries, head


def adjusted(head: Head, user_id: UserId, posting: Posting, reason: str, now: datetime) -> tuple[LedgerEntry, Head]:
    """Return the entry that an admin's change adds behind `head`, and the new head."""
    digest = _hash(head.hash, user_id, head.seq + 1, posting, None, now, reason)
    entry = LedgerEntry(user_id, head.seq + 1, posting, None, now, head.hash, digest, reason)
    return entry, Head(entry.seq, digest)


def first_bad(entries: Iterable[LedgerEntry]) -> int | None:
    """Return the number of the first entry, in order, that does not follow from the one before; None if all do."""
    head = Head()
    for entry in entries:
        whole = _hash(
            head.hash,
            entry.user_id,
            head.seq + 1,
            entry.posting,
            entry.reservation_id,
            entry.occurred_at,
            entry.ref,
        )
        if (entry.seq, entry.prev_hash, entry.hash) != (head.seq + 1, head.hash, whole):
            return head.seq + 1
        head = Head(entry.seq, entry.hash)
    return None


@dataclass(frozen=True, slots=True)
class Balance:
    """What the windows and grants of a meter hold together, and what its open reservations hold."""

    reserved: int
    settled: int
    held: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What a look through a whole chain found: the first entry that does not follow, and meters that disagree."""

    entries: int
    head: Head
    first_bad: int | None
    disagreeing: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Nothing was found."""
        return self.first_bad is None and not self.disagreeing


def audit(entries: Sequence[LedgerEntry], head: Head, balances: Mapping[str, Balance]) -> Audit:
    """Hash the chain anew, and hold its sums against the windows and the open reservations."""
    bad = first_bad(entries)
    end = Head(entries[-1].seq, entries[-1].hash) if entries else Head()
    if bad is None and end != head:
        bad = min(end.seq, head.seq) + 1
    posted = _posted(entries)
    meters = sorted({*posted, *balances})
    nothing = Balance(0, 0, 0)
    disagreeing = tuple(m for m in meters if posted.get(m, nothing) != balances.get(m, nothing))
    return Audit(len(entries), head, bad, disagreeing)


def _posted(entries: Iterable[LedgerEntry]) -> dict[str, Balance]:
    sums: dict[str, dict[str, int]] = {}
    for entry in entries:
        kinds = sums.setdefault(entry.posting.meter, {RESERVE: 0, SETTLE: 0, RELEASE: 0, ADJUST: 0})
        kinds[entry.posting.kind] += entry.posting.amount
    held = {meter: kinds[RESERVE] - kinds[SETTLE] - kinds[RELEASE] for meter, kinds in sums.items()}
    used = {meter: kinds[SETTLE] - kinds[ADJUST] for meter, kinds in sums.items()}
    return {meter: Balance(held[meter], used[meter], held[meter]) for meter in sums}


def _hash(
    prev: bytes,
    user_id: UserId,
    seq: int,
    posting: Posting,
    reservation_id: ReservationId | None,
    at: datetime,
    ref: str | None = None,
) -> bytes:
    said = [
        str(user_id),
        seq,
        posting.meter,
        posting.kind,
        posting.amount,
        posting.reserved_after,
        posting.settled_after,
        str(reservation_id) if reservation_id else None,
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        *([str(posting.grant_id)] if posting.grant_id else []),
        *([ref] if ref else []),
    ]
    return hashlib.sha256(prev + json.dumps(said, separators=(",", ":")).encode()).digest()
