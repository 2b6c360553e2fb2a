"""Promotion codes and trials: what they are worth, for whom, and what the payment page is made of."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx2
import pytest

from common_auth.testing import TestIssuer
from payment_service.application.open_checkout import Wish
from payment_service.domain.checkout import CheckoutOrder
from payment_service.domain.errors import CodeInvalid, PlansUnfit
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.promotions import Discount, Promotion
from payment_service.domain.subscription import ProviderStatus
from payment_service.infrastructure.plan_files import read_plans
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.stripe_promotions import promotion_reading
from sandbox.stripe.testing import API_KEY, Stand, running_stripe
from services.payment_service.tests.harness import PRO, Harness, attempt, somebody

pytestmark = pytest.mark.anyio
QUARTER = Promotion("promo_1", "MYSTERY25", Discount("once", percent_basis_points=2500))
CODED = Wish("pro", "month", "/", "mystery25")
CHECKOUTS, VALIDATE = "/payment/v1/checkout-sessions", "/payment/v1/promo-codes/validate"


async def test_a_code_is_worth_what_the_provider_says(harness: Harness) -> None:
    harness.stripe.codes = [QUARTER]
    assert (await harness.use_cases.validate_code(somebody(), "Mystery25")).discount == QUARTER.discount
    with pytest.raises(CodeInvalid):
        await harness.use_cases.validate_code(somebody(), "MYSTERY99")


async def test_a_code_may_be_over_another_s_or_for_newcomers(harness: Harness) -> None:
    user_id = somebody()
    validate, stripe = harness.use_cases.validate_code, harness.stripe
    customer = await harness.subscribe(user_id)
    stripe.codes = [replace(QUARTER, expires_at=harness.clock.now + timedelta(hours=1))]
    await validate(user_id, QUARTER.code)
    harness.clock.advance(hours=1)
    with pytest.raises(CodeInvalid):
        await validate(user_id, QUARTER.code)
    stripe.codes = [replace(QUARTER, customer_id=CustomerId("cus_of_another")), replace(QUARTER, customer_id=customer)]
    assert (await validate(user_id, QUARTER.code)).customer_id == customer
    with pytest.raises(CodeInvalid):
        await validate(somebody(), QUARTER.code)
    stripe.codes = [replace(QUARTER, is_for_first_payment=True)]
    await validate(somebody(), QUARTER.code)
    with pytest.raises(CodeInvalid):
        await validate(user_id, QUARTER.code)


async def test_a_checkout_takes_a_code_and_an_unknown_one_blocks_nobody(harness: Harness) -> None:
    user_id = somebody()
    with pytest.raises(CodeInvalid):
        await harness.use_cases.open_checkout(attempt(user_id), CODED)
    harness.stripe.codes = [QUARTER]
    opened = await harness.use_cases.open_checkout(attempt(user_id), CODED)
    order, _ = harness.stripe.sessions[f"cs_{opened.answer.body['id']}"]
    assert (order.promo_code, order.trial_days) == ("mystery25", 0)


async def test_a_plan_may_be_tried_once(harness: Harness) -> None:
    user_id = somebody()
    await _let_pro_be_tried(harness)
    customer = await harness.subscribe(user_id)
    version = await harness.access(user_id)
    assert (version.access.state, version.access.is_entitled) == ("trialing", True)
    subscription = await harness.use_cases.read_subscription(user_id)
    assert subscription.terms.trial_end == harness.clock.now + timedelta(days=7)
    harness.stripe.change(customer, status=ProviderStatus.CANCELED)
    await harness.settle()
    opened = await harness.use_cases.open_checkout(attempt(user_id, "again"), PRO)
    order, _ = harness.stripe.sessions[f"cs_{opened.answer.body['id']}"]
    assert order.trial_days == 0


async def test_whoever_never_began_may_still_try(harness: Harness) -> None:
    user_id = somebody()
    await _let_pro_be_tried(harness)
    customer = await harness.subscribe(user_id)
    harness.stripe.change(customer, status=ProviderStatus.INCOMPLETE_EXPIRED)
    await harness.settle()
    opened = await harness.use_cases.open_checkout(attempt(user_id, "again"), PRO)
    order, _ = harness.stripe.sessions[f"cs_{opened.answer.body['id']}"]
    assert order.trial_days == 7


async def _let_pro_be_tried(harness: Harness) -> None:
    async with harness.work() as work:
        plans = (await work.plans.catalogue()).plans
        changed = [replace(plan, trial_days=7 if plan.code == "pro" else 0) for plan in plans.values()]
        await work.plans.arrange(changed, [])
        await work.commit()


async def test_over_http_a_code_is_valid_or_not_and_guessing_is_slow(
    http: httpx2.AsyncClient, harness: Harness, issuer: TestIssuer
) -> None:
    harness.stripe.codes = [QUARTER]
    reader = {"Authorization": f"Bearer {issuer.reader(UserId(uuid4()))}"}
    good = await http.post(VALIDATE, json={"code": "mystery25"}, headers=reader)
    assert good.json() == {
        "valid": True,
        "code": "MYSTERY25",
        "discount": {
            "percent_basis_points": 2500,
            "amount_off": None,
            "currency": None,
            "duration": "once",
            "duration_in_months": None,
            "minimum_amount": None,
            "minimum_currency": None,
        },
    }
    for n in range(8):
        wrong = await http.post(VALIDATE, json={"code": f"GUESS{n}"}, headers=reader)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "code_invalid")
    body = {"plan_code": "pro", "promo_code": "GUESS9"}
    wrong = await http.post(CHECKOUTS, json=body, headers=reader | {"Idempotency-Key": "a"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "code_invalid")
    for path, asked in ((VALIDATE, {"code": "MYSTERY25"}), (CHECKOUTS, body)):
        slow = await http.post(path, json=asked, headers=reader | {"Idempotency-Key": "b"})
        assert (slow.status_code, slow.json()["code"]) == (429, "rate_limited")
    without = await http.post(CHECKOUTS, json={"plan_code": "pro"}, headers=reader | {"Idempotency-Key": "c"})
    assert without.status_code == 201


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with running_stripe(Path(tmp_path_factory.mktemp("stripe"))) as stand:
        yield stand


@pytest.fixture
def gateway(stand: Stand) -> Iterator[StripeGateway]:
    gateway = StripeGateway(API_KEY, api_base=stand.url, web_origin="http://web.test")
    yield gateway
    gateway.close()


def make_code(gateway: StripeGateway, terms: dict[str, Any], **given: Any) -> str:
    """Make a coupon and a code for it; return the code."""
    api, code = gateway.calls.client.v1, f"CODE-{uuid4().hex[:8].upper()}"
    coupon = api.coupons.create(cast("Any", terms))
    asked: Any = {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": code, **given}
    api.promotion_codes.create(asked)
    return code


async def an_order(gateway: StripeGateway, **given: Any) -> CheckoutOrder:
    user_id = somebody()
    customer = await gateway.create_customer(user_id)
    [price] = await gateway.prices(["pro_month"])
    return CheckoutOrder(uuid4(), user_id, customer, price.provider_id, "/", **given)


@pytest.mark.parametrize(
    ("terms", "discount"),
    [
        (
            {"percent_off": "33.3", "duration": "repeating", "duration_in_months": 3},
            Discount("repeating", percent_basis_points=3330, duration_in_months=3),
        ),
        (
            {"amount_off": 250, "currency": "usd", "duration": "forever"},
            Discount("forever", amount_off=250, currency="usd"),
        ),
    ],
)
async def test_stripe_s_codes_are_read(gateway: StripeGateway, terms: dict[str, Any], discount: Discount) -> None:
    code = make_code(gateway, terms)
    [found] = await gateway.promotions.promotions(code.lower())
    assert (found.code, found.discount, found.is_active, found.customer_id) == (code, discount, True, None)
    assert not await gateway.promotions.promotions("NOSUCHCODE")


async def test_stripe_takes_the_code_off_the_first_bill(gateway: StripeGateway, stand: Stand) -> None:
    code = make_code(gateway, {"percent_off": "25", "duration": "once"})
    order = await an_order(gateway, promo_code=code.lower())
    page = await gateway.open_checkout(order)
    assert (await gateway.open_checkout(order)).provider_id == page.provider_id
    stand.pay(page.url, email="reader@truecrime.test")
    [invoice] = (await gateway.read_customer(order.customer_id)).invoices
    assert invoice.amount_paid == 749
    assert invoice.hosted_url is not None
    assert invoice.hosted_url.startswith(stand.url)
    assert invoice.pdf_url is None or invoice.pdf_url.startswith(stand.url)


async def test_without_a_code_one_may_be_typed_on_the_page(gateway: StripeGateway, stand: Stand) -> None:
    code = make_code(gateway, {"percent_off": "50", "duration": "once"})
    order = await an_order(gateway)
    page = await gateway.open_checkout(order)
    stand.pay(page.url, email="reader@truecrime.test", promotion_code=code)
    [invoice] = (await gateway.read_customer(order.customer_id)).invoices
    assert invoice.amount_paid in {499, 500}


async def test_a_code_that_stripe_does_not_take_is_invalid(gateway: StripeGateway, stand: Stand) -> None:
    with pytest.raises(CodeInvalid):
        await gateway.open_checkout(await an_order(gateway, promo_code="NOSUCHCODE"))
    another = await gateway.create_customer(somebody())
    theirs = make_code(gateway, {"percent_off": "50", "duration": "once"}, customer=another)
    with pytest.raises(CodeInvalid):
        await gateway.open_checkout(await an_order(gateway, promo_code=theirs))
    for_newcomers = {"restrictions": {"first_time_transaction": True}}
    first = make_code(gateway, {"percent_off": "50", "duration": "once"}, **for_newcomers)
    order = await an_order(gateway, promo_code=first)
    stand.pay((await gateway.open_checkout(order)).url, email="reader@truecrime.test")
    with pytest.raises(CodeInvalid):
        await gateway.open_checkout(replace(order, id=uuid4()))


async def test_a_trial_costs_nothing_until_it_is_over(gateway: StripeGateway, stand: Stand) -> None:
    order = await an_order(gateway, trial_days=7)
    stand.pay((await gateway.open_checkout(order)).url, email="reader@truecrime.test")
    reading = await gateway.read_customer(order.customer_id)
    [subscription], [invoice] = reading.subscriptions, reading.invoices
    assert (subscription.terms.status, invoice.is_paid) == (ProviderStatus.TRIALING, False)
    assert subscription.terms.trial_end == subscription.terms.period_end


def test_a_code_that_cannot_be_read_is_not_guessed_at() -> None:
    coupon = {"duration": "sometimes", "percent_off": 1.0, "amount_off": None, "currency": None, "valid": True}
    body = {"id": "promo_1", "code": "X", "promotion": {"coupon": coupon}, "restrictions": {}}
    with pytest.raises(ValueError, match="sometimes"):
        promotion_reading(body)


@pytest.mark.parametrize(
    ("said", "days"), [("7", 7), ("0", 0), ("-1", None), ("366", None), ("true", None), ('"7"', None)]
)
def test_a_plan_s_file_says_how_long_it_may_be_tried(tmp_path: Path, said: str, days: int | None) -> None:
    file = tmp_path / "plans.toml"
    file.write_text(f'[[plan]]\ncode = "pro"\nname = "Pro"\nrank = 1\ntrial_days = {said}\nfeatures = {{ a = true }}\n')
    if days is None:
        with pytest.raises(PlansUnfit, match="trial_days"):
            read_plans(str(file))
    else:
        assert read_plans(str(file))[0].trial_days == days
