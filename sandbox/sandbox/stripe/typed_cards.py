"""A card as somebody typed it into one of the pages."""

from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import FormData

from sandbox.stripe.cards import Card, CardRefused, read_card

FIELDS = ("card_number", "card_expiry", "card_cvc", "name")


def typed(form: FormData | None, field: str) -> str:
    value: Any = form.get(field, "") if form is not None else ""
    return value.strip() if isinstance(value, str) else ""


def typed_card(form: FormData, now: int) -> tuple[Card, str]:
    """The card and the name on it. Raises CardRefused naming the field that is wrong."""
    today = datetime.fromtimestamp(now, UTC)
    card = read_card(
        typed(form, "card_number"),
        typed(form, "card_expiry"),
        typed(form, "card_cvc"),
        today=(today.year, today.month),
    )
    name = typed(form, "name")
    if not name:
        raise CardRefused("name", "Enter the name on the card.")
    return card, name[:200]
