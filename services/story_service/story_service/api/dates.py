"""Dates as JSON writes them."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator


def _written(value: object) -> object:
    if isinstance(value, str):
        return value
    raise ValueError("a date is a string, such as 1954-07-04")


WrittenDate = Annotated[date, BeforeValidator(_written)]
"""A date by its ISO 8601 name; a number, which could be seconds or days, is none."""
