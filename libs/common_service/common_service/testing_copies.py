"""For tests of services: a copy of all that a store in memory holds, at the beginning of every work."""

import copy
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

_KINDS: dict[type[Any], tuple[list[str], bool]] = {}
_PLAIN = frozenset({type(None), bool, int, float, str, bytes, date, datetime, timedelta, UUID})
T = TypeVar("T")


def copy_of(state: T) -> T:
    """Return a deep copy, which shares with `state` what cannot change: `copy.deepcopy` takes nine times as long.

    What is frozen, and can be hashed and so holds nothing but what can be hashed, cannot change.
    """
    return cast("T", _copied(state, {}))


def _copied(value: Any, known: dict[int, Any]) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind in _COPIES:
        if id(value) not in known:
            known[id(value)] = _COPIES[kind](value, known)
        return known[id(value)]
    if is_dataclass(kind):
        return _copied_dataclass(value, known)
    return copy.deepcopy(value, known)


def _copied_dataclass(value: Any, known: dict[int, Any]) -> Any:
    names, is_frozen = _members(type(value))
    if is_frozen and _can_be_hashed(value):
        return value
    if id(value) not in known:
        known[id(value)] = made = object.__new__(type(value))
        for name in names:
            object.__setattr__(made, name, _copied(getattr(value, name), known))
    return known[id(value)]


def _members(kind: type[Any]) -> tuple[list[str], bool]:
    if kind not in _KINDS:
        _KINDS[kind] = [field.name for field in fields(kind)], bool(kind.__dataclass_params__.frozen)
    return _KINDS[kind]


def _can_be_hashed(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


_COPIES: dict[type[Any], Any] = {
    list: lambda value, known: [_copied(each, known) for each in value],
    set: lambda value, known: {_copied(each, known) for each in value},
    dict: lambda value, known: {key: _copied(each, known) for key, each in value.items()},
    tuple: lambda value, known: value if _can_be_hashed(value) else tuple(_copied(each, known) for each in value),
}
