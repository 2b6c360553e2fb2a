"""A value that satisfies a JSON schema, its texts from the prose engine."""

import dataclasses
import math
import re
import uuid
from collections.abc import Mapping
from random import Random
from typing import Any

import orjson

from sandbox.openai.errors import invalid
from sandbox.openai.prose.brief import Brief
from sandbox.openai.prose.engine import person_of, sentence_of, story_of, title_of, town_of

_DEEPEST = 6
_LONG = re.compile(r"story|body|text|content|chapter|narrative|article|scene")
_FORMATS = {
    "date-time": "1962-11-14T05:30:00Z", "date": "1962-11-14", "time": "05:30:00Z", "email": "desk@truecrime.test",
    "uri": "https://truecrime.test/case", "hostname": "truecrime.test", "ipv4": "192.0.2.7", "ipv6": "2001:db8::7",
    "duration": "P9Y",
}  # fmt: skip
_SAMPLES = """a A abc case-file case_file CASE Case File 0 1962 12 12:30 en en-GB #201b14 1962-11-14 GBR TC-1962 a1
    +441234567890 1.0 1.0.0"""


def value_for(schema: Mapping[str, Any], brief: Brief) -> str:
    """Return JSON text."""
    return orjson.dumps(_Filler(schema, brief).fill(schema, "", 0)).decode()


class _Filler:
    def __init__(self, root: Mapping[str, Any], brief: Brief) -> None:
        self._root = root
        self._brief = brief
        self._rng = Random(f"schema {brief.key}")

    def fill(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._rng.choice(schema["enum"])
        match _type_of(schema, depth):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string":
                return self._string(schema, name)
            case "integer":
                return int(self._number(schema, whole=True))
            case "number":
                return self._number(schema, whole=False)
            case "boolean":
                return self._rng.random() < 0.5
            case _:
                return None

    def _resolved(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        while "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**self._pointed(schema["$ref"]), **rest}
        for word in ("anyOf", "oneOf"):
            if word in schema:
                options = schema[word]
                nulls = [option for option in options if option.get("type") == "null"]
                chosen = nulls[0] if nulls and depth >= _DEEPEST else self._rng.choice([*_real(options)] or options)
                return self._resolved(chosen, depth)
        for part in schema.get("allOf", ()):
            schema = _merged(schema, self._resolved(part, depth))
        return schema

    def _pointed(self, ref: str) -> Mapping[str, Any]:
        found: Any = self._root
        for word in ref.removeprefix("#").strip("/").split("/") if ref != "#" else ():
            if not isinstance(found, Mapping) or word not in found:
                raise invalid(f"Invalid schema: {ref} points nowhere.", "response_format")
            found = found[word]
        return dict(found)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), set(schema.get("required", ()))
        names = [name for name in properties if name in required or depth < _DEEPEST]
        return {name: self.fill(properties[name], name, depth + 1) for name in names}

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", 1000)
        wanted = 3 if depth < _DEEPEST else 0
        items: list[Any] = []
        for at in range(min(max(wanted, least), most)):
            item = self._again(at).fill(schema.get("items", {"type": "string"}), name.removesuffix("s"), depth + 1)
            if not (schema.get("uniqueItems") and item in items):
                items.append(item)
        return items

    def _again(self, at: int) -> "_Filler":
        """The same schema over another case, so that the members of a list differ."""
        return _Filler(self._root, dataclasses.replace(self._brief, key=f"{self._brief.key}#{at}")) if at else self

    def _string(self, schema: Mapping[str, Any], name: str) -> str:
        if schema.get("format") == "uuid":
            return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if "pattern" in schema:
            return _matching(schema)
        text, least, most = self._prose(name.lower()), schema.get("minLength", 0), schema.get("maxLength")
        while len(text) < least:
            text += " " + sentence_of(self._brief)
        return text if most is None or len(text) <= most else _shortened(text, least, most)

    def _prose(self, name: str) -> str:
        if "title" in name or "headline" in name:
            return title_of(self._brief)
        if re.search(r"name|victim|suspect|detective|witness|character|person", name):
            return person_of(self._brief, name)
        if re.search(r"place|setting|town|city|location", name):
            return town_of(self._brief)
        return (
            story_of(dataclasses.replace(self._brief, has_title=False))
            if _LONG.search(name)
            else sentence_of(self._brief)
        )

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> float:
        step = schema.get("multipleOf", 1 if whole else 0)
        low, high = schema.get("minimum"), schema.get("maximum")
        edge = step or 0.5
        low = schema["exclusiveMinimum"] + edge if low is None and "exclusiveMinimum" in schema else low
        high = schema["exclusiveMaximum"] - edge if high is None and "exclusiveMaximum" in schema else high
        low = (min(0, high) if high is not None else 1) if low is None else low
        high = low + 9 if high is None else high
        if not step:
            return round(self._rng.uniform(low, high), 3) if high - low > 0.01 else float(low)
        first, last = math.ceil(low / step), math.floor(high / step)
        number = self._rng.randint(first, max(first, last)) * step
        return number if whole else float(number)


def _type_of(schema: Mapping[str, Any], depth: int) -> str | None:
    kind = schema.get("type")
    if isinstance(kind, list):
        real = [one for one in kind if one != "null"]
        return "null" if "null" in kind and (depth >= _DEEPEST or not real) else str(real[0])
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _real(options: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [option for option in options if option.get("type") != "null"]


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = {**first.get("properties", {}), **second.get("properties", {})}
    required = [*first.get("required", ()), *second.get("required", ())]
    both = {**first, **second}
    return {
        **both,
        **({"properties": properties} if properties else {}),
        **({"required": required} if required else {}),
    }


def _matching(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", 10_000)
    for candidate in _SAMPLES.split():
        if re.search(schema["pattern"], candidate) and least <= len(candidate) <= most:
            return candidate
    raise invalid("This server knows no text for the pattern in your schema.", "response_format", "unsupported_value")


def _shortened(text: str, least: int, most: int) -> str:
    """Cut at a word, unless that leaves too little."""
    cut = text[:most].rpartition(" ")[0].rstrip(" ,;:\u2014")
    return cut if len(cut) >= max(least, 1) else text[:most]
