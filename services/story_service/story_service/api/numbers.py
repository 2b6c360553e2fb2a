"""Whole numbers as JSON may write them."""

from typing import Annotated

from pydantic import BeforeValidator, Field, StrictInt

_LARGEST_INTEGER = 2**53 - 1


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Takes 5.0 for 5, which it is in JSON; words and truth values are no numbers. Stands behind the bounds of a type."""
MaxPrice = Annotated[
    Annotated[StrictInt, Field(ge=1, le=_LARGEST_INTEGER), WHOLE] | None,
    Field(description="The most weighted tokens that it may cost."),
]
