"""Stripe's test cards: what a typed card turns into. A number is looked at once and never kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sandbox.stripe.errors import JsonObject

_BRANDS = (
    ("amex", r"3[47]\d{13}"),
    ("visa", r"4\d{15}"),
    ("mastercard", r"(5[1-5]|2[2-7])\d{14}"),
    ("discover", r"6(011|5\d\d)\d{12}"),
)


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


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a card answers: `typed` when its holder types it, `stored` when it is charged later without them."""

    typed: Decline | None = None
    stored: Decline | None = None
    authentication: Literal["never", "first", "always"] = "never"
    disputed_as: str | None = None


def _refusing(decline: Decline) -> Behaviour:
    return Behaviour(decline, decline)


_GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.", "try_again_later")
_LOST = Decline("card_declined", "lost_card", "Your card was declined.", "do_not_try_again")
_STOLEN = Decline("card_declined", "stolen_card", "Your card was declined.", "do_not_try_again")
_CVC = Decline("incorrect_cvc", None, "Your card's security code is incorrect.", "confirm_card_data")
NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)
BEHAVIOURS: Mapping[str, Behaviour] = {
    "pays": Behaviour(),
    "declined": _refusing(_GENERIC),
    "insufficient_funds": _refusing(
        Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.", "try_again_later")
    ),
    "lost": _refusing(_LOST),
    "stolen": _refusing(_STOLEN),
    "expired": _refusing(Decline("expired_card", None, "Your card has expired.", "confirm_card_data")),
    "incorrect_cvc": _refusing(_CVC),
    "processing_error": _refusing(
        Decline("processing_error", None, "An error occurred while processing your card. Try again.")
    ),
    "no_test_card": _refusing(
        Decline(
            "card_declined",
            "test_mode_live_card",
            "Your card was declined. Only test cards work here: try 4242 4242 4242 4242.",
        )
    ),
    "fails_later": Behaviour(stored=_GENERIC),
    "authenticates_first": Behaviour(authentication="first"),
    "authenticates_always": Behaviour(authentication="always"),
    "disputed": Behaviour(disputed_as="fraudulent"),
}
_NUMBERS = {
    "4242424242424242": "pays",
    "4000056655665556": "pays",
    "5555555555554444": "pays",
    "2223003122003222": "pays",
    "378282246310005": "pays",
    "6011111111111117": "pays",
    "4000000000000002": "declined",
    "4000000000009995": "insufficient_funds",
    "4000000000009987": "lost",
    "4000000000009979": "stolen",
    "4000000000000069": "expired",
    "4000000000000127": "incorrect_cvc",
    "4000000000000119": "processing_error",
    "4000000000000341": "fails_later",
    "4000002500003155": "authenticates_first",
    "4000000000003220": "authenticates_first",
    "4000002760003184": "authenticates_always",
    "4000000000000259": "disputed",
}
# Ids that stand for a test card in API requests: their number is never sent.
_TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_createDispute": "4000000000000259",
}


@dataclass(frozen=True, slots=True)
class Card:
    """`behaviour` is a name in `BEHAVIOURS`: what is kept instead of the number."""

    brand: str
    last4: str
    expiry: tuple[int, int]
    behaviour: str


def card_of_token(token: str, *, year: int) -> Card | None:
    """The test card that an id such as `pm_card_visa` stands for, good beyond `year`."""
    number = _TOKENS.get(token)
    if number is None:
        return None
    return Card(_brand(number) or "visa", number[-4:], (12, year + 8), _NUMBERS[number])


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
    return Card(brand, digits[-4:], (month, year), _NUMBERS.get(digits, "no_test_card"))


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
