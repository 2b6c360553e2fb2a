"""Form-encoded nested parameters (`items[0][price]=…`) read against a specification: what is not in it is refused."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import ApiError, JsonObject, invalid

_KEY = re.compile(r"^[^\[\]]+(\[[^\[\]]*\])*$")
_METADATA_KEYS, _METADATA_KEY_LENGTH, _METADATA_VALUE_LENGTH = 50, 40, 500

Reader = Callable[[Any, str], Any]


@dataclass(frozen=True, slots=True)
class Required:
    """Marks a parameter that a request cannot leave out."""

    read: Reader


Spec = Mapping[str, Reader | Required]


def parse(encoded: bytes) -> JsonObject:
    """Nested dicts and lists of strings; lists come as `a[0]`, `a[1]` from SDKs and as `a[]` from curl."""
    try:
        pairs = parse_qsl(encoded.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000)
    except (UnicodeDecodeError, ValueError) as error:
        raise ApiError("Invalid request: the body cannot be decoded.", remembered=False) from error
    tree: JsonObject = {}
    for key, value in pairs:
        if not _KEY.match(key):
            raise invalid(f"Invalid parameter name: {key}", param=key, code="parameter_unknown")
        _place(tree, key.replace("]", "").split("["), value, key)
    return {key: _listed(value) for key, value in tree.items()}


def _place(tree: JsonObject, parts: list[str], value: str, key: str) -> None:
    node = tree
    for part in parts[:-1]:
        following = node.setdefault(part or str(len(node)), {})
        if not isinstance(following, dict):
            raise invalid(f"Invalid parameter: {key} is both a value and a hash", param=key)
        node = following
    node[parts[-1] or str(len(node))] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    return {key: _listed(child) for key, child in value.items()}


def read(tree: Any, spec: Spec, path: str = "") -> JsonObject:
    """The given parameters as Python values; those not given are absent."""
    if not isinstance(tree, dict):
        raise invalid("Invalid hash", param=path)
    for name in tree:
        if name not in spec:
            param = f"{path}[{name}]" if path else name
            raise invalid(f"Received unknown parameter: {param}", param=param, code="parameter_unknown")
    values: JsonObject = {}
    for name, entry in spec.items():
        param = f"{path}[{name}]" if path else name
        reader = entry.read if isinstance(entry, Required) else entry
        if name in tree:
            values[name] = reader(tree[name], param)
        elif isinstance(entry, Required):
            raise invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")
    return values


def text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {value}", param=path)
    if not value:
        message = (
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a "
            f"parameter; however '{path}' cannot be unset. You should remove '{path}' from your request "
            "or supply a non-empty value."
        )
        raise invalid(message, param=path, code="parameter_invalid_empty")
    return value


def integer(value: Any, path: str) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,15}", value):
        raise invalid(f"Invalid integer: {value}", param=path, code="parameter_invalid_integer")
    return int(value)


def flag(value: Any, path: str) -> bool:
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", param=path)
    return bool(value == "true")


def web_address(value: Any, path: str) -> str:
    address = text(value, path)
    if not re.match(r"https?://[^/\s]+", address):
        raise invalid(f"Not a valid URL: {address}", param=path, code="url_invalid")
    return address


def email(value: Any, path: str) -> str:
    address = text(value, path)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address) or len(address) > 512:
        raise invalid(f"Invalid email address: {address}", param=path, code="email_invalid")
    return address


def between(low: int, high: int) -> Reader:
    def bounded(value: Any, path: str) -> int:
        number = integer(value, path)
        if not low <= number <= high:
            raise invalid(f"Invalid integer: {number} is not between {low} and {high}", param=path)
        return number

    return bounded


def choice(*allowed: str) -> Reader:
    def chosen(value: Any, path: str) -> str:
        if value not in allowed:
            raise invalid(f"Invalid {path}: must be one of {', '.join(allowed)}", param=path)
        return str(value)

    return chosen


def clearable(reader: Reader) -> Reader:
    """An empty string unsets the value."""
    return lambda value, path: None if value == "" else reader(value, path)


def each(reader: Reader) -> Reader:
    def listed(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise invalid("Invalid array", param=path)
        return [reader(child, f"{path}[{index}]") for index, child in enumerate(value)]

    return listed


def group(spec: Spec) -> Reader:
    return lambda value, path: read(value, spec, path)


def span(value: Any, path: str) -> JsonObject:
    """A moment or a range of moments: `created=…` or `created[gte]=…`."""
    if isinstance(value, str):
        moment = integer(value, path)
        return {"gte": moment, "lte": moment}
    return read(value, {"gt": integer, "gte": integer, "lt": integer, "lte": integer}, path)


def metadata(value: Any, path: str) -> dict[str, str] | None:
    """Changes to metadata: an empty value unsets a key, an empty hash (None here) unsets all."""
    if value == "":
        return None
    # A hash whose keys are numbers arrives as a list.
    pairs = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(pairs, dict):
        raise invalid("Invalid hash", param=path)
    for key, child in pairs.items():
        if not isinstance(child, str) or len(child) > _METADATA_VALUE_LENGTH:
            message = f"Metadata values can have up to {_METADATA_VALUE_LENGTH} characters."
            raise invalid(message, param=f"{path}[{key}]")
        if len(str(key)) > _METADATA_KEY_LENGTH:
            raise invalid(f"Metadata keys can have up to {_METADATA_KEY_LENGTH} characters.", param=path)
    if len(pairs) > _METADATA_KEYS:
        raise invalid(f"Metadata can have up to {_METADATA_KEYS} keys.", param=path)
    return {str(key): child for key, child in pairs.items()}


def with_metadata(old: Mapping[str, str], change: Mapping[str, str] | None) -> dict[str, str]:
    if change is None:
        return {}
    return {key: value for key, value in {**old, **change}.items() if value != ""}
