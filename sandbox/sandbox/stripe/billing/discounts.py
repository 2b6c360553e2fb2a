"""Coupons taken off an invoice's lines, in whole cents."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from sandbox.stripe.account import Account
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.periods import period_end


def grant(account: Account, discount: JsonObject) -> JsonObject:
    """Keep a discount that begins now and count the redemption of its coupon and promotion code."""
    account.keep(discount)
    for kind, reference in (("coupon", discount["source"]["coupon"]), ("promotion_code", discount["promotion_code"])):
        if reference is not None:
            redeemed = account.fetch(kind, reference)
            redeemed = account.change(redeemed, times_redeemed=redeemed["times_redeemed"] + 1)
            if redeemed["max_redemptions"] is not None and redeemed["times_redeemed"] >= redeemed["max_redemptions"]:
                over: JsonObject = {"valid": False} if kind == "coupon" else {"active": False}
                account.change(redeemed, None, **over)
    return discount


def ends_at(coupon: JsonObject, start: int) -> int | None:
    """When a discount by this coupon ends by time; one for a single invoice ends with that invoice."""
    if coupon["duration"] != "repeating":
        return None
    return period_end(start, start, {"interval": "month", "interval_count": coupon["duration_in_months"]})


def running(account: Account, ids: Sequence[str], at: int) -> list[JsonObject]:
    """Those of these discounts that have not ended at a moment."""
    found = [account.fetch("discount", each) for each in ids]
    return [discount for discount in found if discount["end"] is None or discount["end"] > at]


def off(coupon: JsonObject, amount: int) -> int:
    """What a coupon takes off an amount; never more than there is."""
    if amount <= 0:
        return 0
    if coupon["percent_off"] is not None:
        exact = Decimal(amount) * Decimal(str(coupon["percent_off"])) / 100
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    return min(int(coupon["amount_off"]), amount)


def net_of(account: Account, discounts: Sequence[JsonObject], amount: int) -> int:
    """An amount after the percentages of these discounts; fixed amounts belong to whole periods only."""
    for discount in discounts:
        coupon = account.fetch("coupon", discount["source"]["coupon"])
        if coupon["percent_off"] is not None:
            amount -= off(coupon, amount)
    return amount


def taken_off(account: Account, lines: Sequence[JsonObject], discounts: Sequence[JsonObject]) -> list[JsonObject]:
    """The lines with their `discount_amounts`; one discount applies to what the one before it left."""
    result = list(lines)
    for discount in discounts:
        coupon = account.fetch("coupon", discount["source"]["coupon"])
        left = None if coupon["percent_off"] is not None else int(coupon["amount_off"])
        for index, line in enumerate(result):
            if not line["discountable"]:
                continue
            amount = off(coupon, net(line)) if left is None else min(left, max(0, net(line)))
            left = None if left is None else left - amount
            part = {"amount": amount, "discount": discount["id"]}
            result[index] = {**line, "discount_amounts": [*line["discount_amounts"], part]}
    return result


def net(line: JsonObject) -> int:
    """A line's amount after what was taken off it."""
    amount: int = line["amount"] - sum(part["amount"] for part in line["discount_amounts"])
    return amount
