"""Promotion codes at Stripe."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast, get_args

import structlog

from payment_service.domain.ids import CustomerId
from payment_service.domain.promotions import Discount, Duration, Promotion
from payment_service.infrastructure.stripe_calls import StripeCalls
from payment_service.infrastructure.stripe_readings import Json, reference_id, time_of

log = structlog.get_logger("stripe")
_MOST = 20
"""One code may be active for several customers at once, each their own."""
USELESS = frozenset(
    {
        "coupon_expired",
        "customer_has_prior_transactions",
        "promotion_code_customer_mismatch",
        "promotion_code_expired",
        "promotion_code_inactive",
        "promotion_code_minimum_amount_not_met",
    }
)
"""What Stripe calls a code that cannot be used for this order."""


class StripePromotions:
    """One account's promotion codes."""

    def __init__(self, calls: StripeCalls) -> None:
        self._calls, self._v1 = calls, calls.client.v1

    async def promotions(self, code: str) -> Sequence[Promotion]:
        """Return those that are active under what somebody typed, whatever its case."""
        params: Any = {"code": code, "active": True, "limit": _MOST, "expand": ["data.promotion.coupon"]}

        def listed() -> list[Json]:
            return [each.to_dict() for each in self._v1.promotion_codes.list(params).data]

        found = []
        for body in await self._calls.ask(listed):
            try:
                found.append(promotion_reading(body))
            except (KeyError, TypeError, ValueError) as error:
                log.warning("unreadable promotion code", object=body.get("id"), reason=repr(error))
        return found


def promotion_reading(body: Json) -> Promotion:
    """Read a promotion code with its coupon. Raises KeyError, TypeError or ValueError."""
    coupon, restrictions = body["promotion"]["coupon"], body["restrictions"]
    if coupon["duration"] not in get_args(Duration):
        raise ValueError(coupon["duration"])
    percent = coupon["percent_off"]
    discount = Discount(
        duration=cast("Duration", coupon["duration"]),
        percent_basis_points=None if percent is None else round(Decimal(str(percent)) * 100),
        amount_off=coupon["amount_off"],
        currency=coupon["currency"],
        duration_in_months=coupon["duration_in_months"],
        minimum_amount=restrictions["minimum_amount"],
        minimum_currency=restrictions["minimum_amount_currency"],
    )
    owner = reference_id(body.get("customer"))
    return Promotion(
        provider_id=body["id"],
        code=body["code"],
        discount=discount,
        is_active=body["active"] is True and coupon["valid"] is True,
        expires_at=None if body["expires_at"] is None else time_of(body["expires_at"]),
        customer_id=CustomerId(owner) if owner else None,
        is_for_first_payment=restrictions["first_time_transaction"] is True,
    )
