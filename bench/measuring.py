"""Rounds taken in turn and their medians: on a noisy machine only what ran side by side can be compared."""

import gc
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median

import orjson
from rich.console import Console
from rich.table import Table

Subject = Callable[[], Awaitable[object]]
Seconds = list[float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a report; `limit` is the figure to reach, the most unless `at_least`."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool | None:
        """Tell whether the figure is reached; None where none is asked for."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


async def in_turn(
    subjects: Mapping[str, Subject], *, rounds: int, clock: Callable[[], float] = time.thread_time
) -> dict[str, Seconds]:
    """Run every subject once a round, each second round backwards, and return the seconds of each after one warm-up.

    The clock counts this thread's own time, so that neighbours cost less; what waits for others needs a wall clock.
    """
    for subject in subjects.values():
        await subject()
    gc.collect()
    seconds: dict[str, Seconds] = {name: [] for name in subjects}
    for number in range(rounds):
        for name in list(subjects) if number % 2 else reversed(list(subjects)):
            started = clock()
            await subjects[name]()
            seconds[name].append(clock() - started)
    return seconds


def ratio(these: Seconds, those: Seconds) -> float:
    """Return the median of the ratios round by round, which a slow spell of the machine changes least."""
    return median(one / other for one, other in zip(these, those, strict=True))


def microseconds(these: Seconds, times: int) -> float:
    """Return the median cost of one of the `times` operations in a round."""
    return median(these) / times * 1e6


def show(name: str, figures: list[Figure]) -> None:
    """Print the table for people and the line for programs."""
    table = Table("what", "figure", "unit", "asked for", "holds", title=name)
    for column in table.columns[1:2]:
        column.justify = "right"
    for figure in figures:
        table.add_row(figure.what, _number(figure.value), figure.unit, _limit(figure), _word(figure.holds))
    Console(width=110).print(table)
    lines = [asdict(figure) | {"holds": figure.holds} for figure in figures]
    print(orjson.dumps({"bench": name, "figures": lines}).decode(), flush=True)


def _limit(figure: Figure) -> str:
    if figure.limit is None:
        return ""
    return f"{'>=' if figure.at_least else '<='} {_number(figure.limit)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _word(holds: bool | None) -> str:
    return {None: "", True: "yes", False: "NO"}[holds]
