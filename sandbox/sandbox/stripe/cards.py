"""Stripe's test cards: what a typed card turns into. A number is looked at once and never kept."""

import re
from dataclasses import dataclass

from sandbox.stripe.errors import JsonObject

_BRANDS = (
    ("amex", r"3[47]\d{13}"),
    ("visa", r"4\d{15}"),
    ("mastercard", r"(5[1-5]|2[2-7])\d{14}"),
    ("discover", r"6(011|5\d\d)\d{12}"),
)
_PAYING = {
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
}


@dataclass(frozen=True, slots=True)
class Decline:
    """Why the issuer, or Stripe for it, refuses a charge."""

    code: str
    decline_code: str | None
    message: str
    advice_code: str | None = None

    def error(self, method: JsonObject, charge_id: str) -> JsonObject:
        """The error object that a payment intent keeps as its last."""
        error: JsonObject = {
            "advice_code": self.advice_code,
            "charge": charge_id,
            "code": self.code,
            "doc_url": f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}",
            "message": self.message,
            "payment_method": method,
            "type": "card_error",
        }
        if self.decline_code is not None:
            error["decline_code"] = self.decline_code
        return error


_DECLINES = {
    "4000000000000002": Decline("card_declined", "generic_decline", "Your card was declined.", "try_again_later"),
    "4000000000009995": Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "4000000000009987": Decline("card_declined", "lost_card", "Your card was declined.", "do_not_try_again"),
    "4000000000009979": Decline("card_declined", "stolen_card", "Your card was declined.", "do_not_try_again"),
    "4000000000000069": Decline("expired_card", None, "Your card has expired.", "confirm_card_data"),
    "4000000000000127": Decline("incorrect_cvc", None, "Your card's security code is incorrect.", "confirm_card_data"),
    "4000000000000119": Decline("processing_error", None, "An error occurred while processing your card. Try again."),
}
_NOT_A_TEST_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Only test cards work here: try 4242 4242 4242 4242.",
)


@dataclass(frozen=True, slots=True)
class Card:
    brand: str
    last4: str
    expiry: tuple[int, int]
    decline: Decline | None


class CardRefused(Exception):
    """The form was filled in wrongly: `field` names the input, nothing was attempted."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def read_card(number: str, expiry: str, cvc: str, *, today: tuple[int, int]) -> Card:
    """`today` is (year, month) of the account's clock; a card is good until the end of its month."""
    digits = re.sub(r"[\s-]", "", number)
    brand = _brand(digits)
    if brand is None or not _luhn(digits):
        raise CardRefused("card_number", "Your card number is invalid.")
    month, year = _expiry(expiry)
    if (year, month) < today:
        raise CardRefused("card_expiry", "Your card's expiration date is in the past.")
    if not re.fullmatch(r"\d{4}" if brand == "amex" else r"\d{3}", cvc.strip()):
        raise CardRefused("card_cvc", "Your card's security code is incomplete.")
    decline = None if digits in _PAYING else _DECLINES.get(digits, _NOT_A_TEST_CARD)
    return Card(brand, digits[-4:], (month, year), decline)


def _brand(digits: str) -> str | None:
    return next((brand for brand, pattern in _BRANDS if re.fullmatch(pattern, digits, re.ASCII)), None)


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _expiry(written: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,2})\s*[/-]?\s*(?:20)?(\d{2})\s*", written, re.ASCII)
    if match is None or not 1 <= int(match[1]) <= 12:
        raise CardRefused("card_expiry", "Your card's expiration date is incomplete.")
    return int(match[1]), 2000 + int(match[2])
