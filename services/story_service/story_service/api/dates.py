"""Dates as JSON writes them."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError


def _written(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("date_type", "Input should be a date in a string, such as 1954-07-04")
    return value


WrittenDate = Annotated[date, BeforeValidator(_written)]
"""A date by its ISO 8601 name; a number, which could be seconds or days, is none."""
