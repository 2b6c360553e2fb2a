"""Webhooks as the world delivers them at its worst: late, in any order, twice, never, or with a wrong signature."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from random import Random

import orjson

from sandbox.stripe.errors import JsonObject
from sandbox.stripe.store import Store

_SETTING, _COUNT = "delivery_modes", "delivery_count"
_LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Copy:
    """One delivery of an event. Not `in_order`: it may overtake others of its customer. `dropped`: it is never sent."""

    delay_s: float = 0.0
    in_order: bool = True
    forged: bool = False
    held: bool = False
    dropped: bool = False


AT_ONCE = Copy()


@dataclass(frozen=True, slots=True)
class Modes:
    """`duplicate`, `drop` and `wrong_signature` are probabilities; `hold` keeps everything back until it is released.

    `delay_s` is waited before each event, `shuffle_s` is the span over which events are strewn. A forged delivery is
    refused by a sound endpoint and comes again, rightly signed. The same `seed` gives the same fate to the same events.
    """

    seed: int = 0
    delay_s: float = 0.0
    shuffle_s: float = 0.0
    duplicate: float = 0.0
    drop: float = 0.0
    wrong_signature: float = 0.0
    hold: bool = False

    @property
    def ordinary(self) -> bool:
        return self == Modes(seed=self.seed)

    def body(self) -> JsonObject:
        return asdict(self)

    def copies(self, number: int) -> Iterator[Copy]:
        """What becomes of the event of this number."""
        chance = Random(f"{self.seed}:{number}")
        if chance.random() < self.drop:
            yield Copy(dropped=True)
            return
        for _ in range(2 if chance.random() < self.duplicate else 1):
            strewn = chance.random() * self.shuffle_s
            forged = chance.random() < self.wrong_signature
            yield Copy(self.delay_s + strewn, in_order=not self.shuffle_s, forged=forged, held=self.hold)


def modes_of(store: Store) -> Modes:
    kept = store.setting(_SETTING)
    return Modes(**orjson.loads(kept)) if kept else Modes()


def set_modes(store: Store, wanted: JsonObject) -> Modes:
    """Keep modes, counting events anew; what is not given is off. Raises ValueError for what makes no sense."""
    if unknown := wanted.keys() - Modes().body().keys():
        raise ValueError(f"There is no delivery mode {', '.join(sorted(unknown))}.")
    modes = Modes(
        seed=int(_number(wanted, "seed", 2**53)),
        delay_s=_number(wanted, "delay_s", _LONGEST_S),
        shuffle_s=_number(wanted, "shuffle_s", _LONGEST_S),
        duplicate=_number(wanted, "duplicate", 1),
        drop=_number(wanted, "drop", 1),
        wrong_signature=_number(wanted, "wrong_signature", 1),
        hold=wanted.get("hold", False) is True,
    )
    store.set_setting(_SETTING, orjson.dumps(modes.body()).decode())
    store.set_setting(_COUNT, "0")
    return modes


def fate(store: Store) -> list[Copy]:
    """What becomes of the next event."""
    modes = modes_of(store)
    if modes.ordinary:
        return [AT_ONCE]
    number = int(store.setting(_COUNT) or 0)
    store.set_setting(_COUNT, str(number + 1))
    return list(modes.copies(number))


def held_count(store: Store) -> int:
    return int(store.sql.execute("SELECT count(*) FROM deliveries WHERE state = 'held'").fetchone()[0])


def release(store: Store, wanted: JsonObject, now: float) -> int:
    """Send what was held, one after the other: as it happened, reversed, or shuffled by `seed`. Returns how many."""
    order = wanted.get("order", "kept")
    if order not in ("kept", "reversed", "shuffled"):
        raise ValueError('Give {"order": "kept" | "reversed" | "shuffled", "seed": n}.')
    query = "SELECT id, event, event_type, forged FROM deliveries WHERE state = 'held' ORDER BY id"
    rows = store.sql.execute(query).fetchall()
    if order == "reversed":
        rows.reverse()
    if order == "shuffled":
        Random(int(_number(wanted, "seed", 2**53))).shuffle(rows)
    store.sql.execute("DELETE FROM deliveries WHERE state = 'held'")
    store.sql.executemany(
        "INSERT INTO deliveries (event, event_type, forged, lane, state, due_at) "
        "VALUES (?, ?, ?, 'released', 'pending', ?)",
        [(*row[1:], now) for row in rows],
    )
    return len(rows)


def _number(wanted: JsonObject, name: str, most: float) -> float:
    value = wanted.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ValueError(f"{name} is a number from 0 to {most:g}.")
    return float(value)
