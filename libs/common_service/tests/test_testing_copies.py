"""What a copy of a store's state shares with it, and what it does not."""

import copy
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID, uuid4

from common_service.testing_copies import copy_of


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Fact:
    id: UUID
    colour: Colour = Colour.RED


@dataclass(frozen=True)
class Request:
    members: dict[str, list[int]]


@dataclass(slots=True)
class Row:
    facts: list[Fact] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)


@dataclass(slots=True)
class State:
    rows: dict[str, Row]
    requests: tuple[Request, ...]
    latest: Row


def a_state() -> State:
    row = Row([Fact(uuid4())], {"one"})
    return State({"a": row}, (Request({"n": [1]}),), row)


def test_a_copy_is_equal_and_keeps_who_is_who() -> None:
    state = a_state()
    made = copy_of(state)
    assert made == state
    assert made.latest is made.rows["a"]


def test_what_can_change_is_not_shared() -> None:
    state = a_state()
    before, made = copy.deepcopy(state), copy_of(state)
    made.latest.facts.append(Fact(uuid4()))
    made.latest.notes.add("two")
    made.requests[0].members["n"].append(2)
    made.rows["b"] = Row()
    assert state == before


def test_what_cannot_change_is_shared() -> None:
    state = a_state()
    assert copy_of(state).latest.facts[0] is state.latest.facts[0]
