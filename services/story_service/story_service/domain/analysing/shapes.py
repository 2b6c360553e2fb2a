"""JSON of a shape: the words of JSON Schema that providers keep to, and whether a reply keeps to them too."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def an_object(**members: Schema) -> Schema:
    """Return the shape of an object that has exactly these members."""
    return {
        "type": "object",
        "properties": dict(members),
        "required": list(members),
        "additionalProperties": False,
    }


def a_list(items: Schema, most: int, *, least: int = 0) -> Schema:
    """Return the shape of a list."""
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def a_number(least: int, most: int) -> Schema:
    """Return the shape of a whole number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def a_text(description: str) -> Schema:
    """Return the shape of words."""
    return {"type": "string", "description": description}


def one_of(*words: str) -> Schema:
    """Return the shape of one of these words."""
    return {"type": "string", "enum": list(words)}


def fits(schema: Schema, value: object) -> bool:
    """Tell whether a value has a shape. Words must be words, and not only space."""
    match schema["type"]:
        case "object":
            members = schema["properties"]
            if not isinstance(value, dict) or value.keys() != members.keys():
                return False
            return all(fits(members[name], item) for name, item in value.items())
        case "array":
            if not isinstance(value, list) or not schema["minItems"] <= len(value) <= schema["maxItems"]:
                return False
            return all(fits(schema["items"], item) for item in value)
        case "integer":
            is_number = isinstance(value, int) and not isinstance(value, bool)
            return is_number and schema["minimum"] <= value <= schema["maximum"]
    if not isinstance(value, str) or not value.strip() or "\x00" in value:
        return False
    return "enum" not in schema or value in schema["enum"]
