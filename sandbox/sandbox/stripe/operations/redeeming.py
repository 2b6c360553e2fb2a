"""Whether a coupon or a promotion code can be used, and by whom."""

from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, JsonObject, invalid
from sandbox.stripe.operations.call import equal
from sandbox.stripe.store import Condition


def redeemable(account: Account, given: JsonObject, customer_id: str | None) -> tuple[str, str | None]:
    """The coupon and the promotion code that a discount of a request names. Raises ApiError for one that is over."""
    if ("coupon" in given) == ("promotion_code" in given):
        raise invalid("Give either a coupon or a promotion code for each discount.", param="discounts")
    if "coupon" in given:
        return _good_coupon(account, given["coupon"])["id"], None
    code = account.fetch("promotion_code", given["promotion_code"], "discounts[0][promotion_code]")
    refuse_unusable(account, code, customer_id)
    return code["promotion"]["coupon"], code["id"]


def code_named(account: Account, typed: str) -> JsonObject | None:
    """The active promotion code that somebody typed, whatever its case."""
    named = Condition("lower(json_extract(body, '$.code')) = ?", (typed.strip().lower(),))
    found = account.store.page("promotion_code", [named, equal("active", 1)], limit=1).bodies
    return found[0] if found else None


def refuse_unusable(account: Account, code: JsonObject, customer_id: str | None) -> None:
    """Raises ApiError when the code is over, for somebody else or for first orders only."""
    expired = code["expires_at"] is not None and code["expires_at"] <= account.now()
    if not code["active"] or expired:
        raise ApiError("This promotion code is not active or has expired.", code="promotion_code_inactive")
    if code["customer"] is not None and code["customer"] != customer_id:
        raise ApiError("This promotion code cannot be redeemed by this customer.", code="promotion_code_inactive")
    if code["restrictions"]["first_time_transaction"] and customer_id is not None and _has_paid(account, customer_id):
        message = "This promotion code cannot be redeemed because the associated customer has prior transactions."
        raise ApiError(message, code="customer_has_prior_transactions")
    _good_coupon(account, code["promotion"]["coupon"])


def _good_coupon(account: Account, coupon_id: str) -> JsonObject:
    coupon = account.fetch("coupon", coupon_id, "coupon")
    over = coupon["redeem_by"] is not None and coupon["redeem_by"] <= account.now()
    if not coupon["valid"] or over:
        raise ApiError(f"Coupon expired: {coupon_id}", code="coupon_expired", param="coupon")
    return coupon


def _has_paid(account: Account, customer_id: str) -> bool:
    paid = [Condition("customer = ?", (customer_id,)), equal("status", "succeeded")]
    return bool(account.store.page("charge", paid, limit=1).bodies)
