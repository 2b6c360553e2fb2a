"""What a Checkout session costs today: its lines, less its discounts, nothing while there is a trial."""

from collections.abc import Sequence

from sandbox.stripe.account import Account
from sandbox.stripe.billing.discounts import off
from sandbox.stripe.errors import JsonObject


def with_discounts(
    account: Account, lines: Sequence[JsonObject], discounts: Sequence[tuple[str, str | None]], *, trial: bool
) -> list[JsonObject]:
    """The lines as they cost today; `discounts` are pairs of a coupon and the promotion code that gave it."""
    priced = [_line(line, 0 if trial else line["price"]["unit_amount"] * line["quantity"]) for line in lines]
    for coupon_id, _ in discounts:
        coupon = account.fetch("coupon", coupon_id)
        left = coupon["amount_off"]
        for index, line in enumerate(priced):
            amount = off(coupon, line["amount_total"]) if left is None else min(left, line["amount_total"])
            left = None if left is None else left - amount
            priced[index] = {
                **line,
                "amount_discount": line["amount_discount"] + amount,
                "amount_total": line["amount_total"] - amount,
            }
    return priced


def sums(lines: Sequence[JsonObject], discounts: Sequence[tuple[str, str | None]]) -> JsonObject:
    """The fields of a session that its lines add up to."""
    discount = sum(line["amount_discount"] for line in lines)
    return {
        "amount_subtotal": sum(line["amount_subtotal"] for line in lines),
        "amount_total": sum(line["amount_total"] for line in lines),
        "discounts": [{"coupon": None if code else coupon, "promotion_code": code} for coupon, code in discounts],
        "total_details": {"amount_discount": discount, "amount_shipping": 0, "amount_tax": 0},
    }


def _line(line: JsonObject, amount: int) -> JsonObject:
    return {**line, "amount_discount": 0, "amount_subtotal": amount, "amount_total": amount}
