"""Every object that the stand-in emits, in answers and in events, has the shape that the SDK's annotations declare."""

import builtins
import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import NoneType
from typing import Any

import pytest
import stripe
from stripe import _object_classes, _stripe_object

from sandbox.stripe.testing import API_KEY, BROWSER, Stand

MakeSession = Callable[..., stripe.checkout.Session]
# fmt: off
EXPECTED_KINDS = {
    "balance_transaction", "billing_portal.session", "charge", "checkout.session", "coupon", "customer",
    "discount", "dispute", "event", "invoice", "invoice_payment", "invoiceitem", "item", "line_item",
    "payment_intent", "payment_method", "plan", "price", "product", "promotion_code", "refund",
    "setup_intent", "subscription", "subscription_item", "subscription_schedule",
}
# fmt: on
# Names that annotations use for classes which another name would shadow.
_ALIASES = {"CardResource": stripe.Card, "TaxIdResource": stripe.TaxId, "TestClock": stripe.test_helpers.TestClock}
_SCALARS: dict[object, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    bool: (bool,),
    float: (int, float),
    Decimal: (str,),
}


def problems(value: Any, declared: Any, at: str) -> Iterator[str]:
    """Where `value` differs from the annotation `declared`."""
    declared = _resolved(declared)
    member = next(iter(typing.get_args(declared)), None)
    match typing.get_origin(declared):
        case typing.Union:
            yield from _union_problems(value, typing.get_args(declared), at)
        case typing.Literal:
            if value not in typing.get_args(declared):
                yield f"{at}: {value!r} is none of {typing.get_args(declared)}"
        case builtins.list:
            yield from _list_problems(value, member, at)
        case stripe.ListObject:
            yield from _page_problems(value, member, at)
        case _stripe_object.UntypedStripeObject:
            if not isinstance(value, dict):
                yield f"{at}: {value!r} is no hash"
        case _:
            yield from _plain_problems(value, declared, at)


def _resolved(declared: Any) -> Any:
    name = declared.__forward_arg__ if isinstance(declared, typing.ForwardRef) else declared
    return (_ALIASES.get(name) or getattr(stripe, name, None) or name) if isinstance(name, str) else declared


def _plain_problems(value: Any, declared: Any, at: str) -> Iterator[str]:
    if declared in _SCALARS:
        if not isinstance(value, _SCALARS[declared]) or (declared is not bool and isinstance(value, bool)):
            yield f"{at}: {value!r} is no {declared}"
    elif isinstance(declared, type) and issubclass(declared, stripe.StripeObject):
        yield from object_problems(value, declared, at)
    elif declared is not Any:
        yield f"{at}: {declared!r} is not known to this test"


def _union_problems(value: Any, members: tuple[Any, ...], at: str) -> Iterator[str]:
    if value is None:
        if NoneType not in members:
            yield f"{at}: null is not declared"
        return
    choices = [member for member in members if member is not NoneType]
    closed = [member for member in choices if typing.get_origin(member) is typing.Literal]
    if closed and isinstance(value, str):
        # `Literal[…] | str` is an open enumeration for readers; the stand-in writes declared values only.
        choices = closed
    found = [list(problems(value, member, at)) for member in choices]
    if all(found):
        yield min(found, key=len)[0]


def _list_problems(value: Any, member: Any, at: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{at}: {value!r} is no array"
        return
    for index, child in enumerate(value):
        yield from problems(child, member, f"{at}[{index}]")


def _page_problems(value: Any, member: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict) or value.get("object") != "list":
        yield f"{at}: {value!r} is no list object"
        return
    if extra := value.keys() - {"object", "data", "has_more", "url", "total_count"}:
        yield f"{at}: {sorted(extra)} not declared"
    if not isinstance(value.get("has_more"), bool) or not str(value.get("url")).startswith("/v1/"):
        yield f"{at}: has_more or url is missing"
    yield from _list_problems(value.get("data"), member, f"{at}.data")


def object_problems(value: Any, declared: type[stripe.StripeObject], at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is no {declared.__name__}"
        return
    if value.get("deleted") is True:
        if value.keys() != {"id", "object", "deleted"}:
            yield f"{at}: a deleted object has only its id"
        return
    fields = annotations_of(declared)
    for name in value.keys() - fields.keys():
        yield f"{at}.{name} is not declared by {declared.__name__}"
    for name, annotation in fields.items():
        if name in value:
            beneath_dict = name in declared._inner_class_dicts
            if beneath_dict and value[name] is None:
                yield f"{at}.{name} must be absent, not null"
            yield from problems(value[name], annotation, f"{at}.{name}")
        elif NoneType not in typing.get_args(annotation):
            yield f"{at}.{name} is missing"


def class_of(kind: str) -> type[stripe.StripeObject]:
    module, name = _object_classes.OBJECT_CLASSES[kind]
    found: type[stripe.StripeObject] = getattr(importlib.import_module(module), name)
    return found


def annotations_of(declared: type[stripe.StripeObject]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for cls in reversed(declared.__mro__):
        if cls.__module__ != stripe.StripeObject.__module__:
            found |= {name: hint for name, hint in inspect.get_annotations(cls).items() if name[0] != "_"}
    return {name: hint for name, hint in found.items() if typing.get_origin(hint) is not typing.ClassVar}


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("object"), str) and value["object"] != "list":
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from objects_in(child)


@pytest.fixture(scope="module")
def answers(shared: Stand, api: stripe.StripeClient, open_session: MakeSession) -> list[dict[str, Any]]:
    """A life of the account: a decline, a payment, renewals, an end; then everything that can be read of it."""
    stand, client, make_session = shared, api, open_session
    customer = client.v1.customers.create({"email": "reader@case.test", "metadata": {"user_id": "u1"}})
    session = make_session(customer=customer.id, subscription_data={"metadata": {"user_id": "u1"}})
    other = make_session()
    assert session.url is not None
    assert other.url is not None
    stand.pay(session.url, card_number="4000 0000 0000 0002")
    declined_intent = _read(stand, "/v1/payment_intents")
    stand.pay(session.url)
    stand.pay(other.url, email="other@case.test")
    stand.advance(40 * 86_400)
    first, second = client.v1.subscriptions.list().data
    client.v1.subscriptions.update(first.id, {"cancel_at_period_end": True})
    client.v1.subscriptions.cancel(second.id)
    make_session()
    stand.advance(2 * 86_400)
    client.v1.prices.update("price_TrueCrimeMaxYear", {"nickname": "Max, by the year"})
    client.v1.customers.update(customer.id, {"address": {"city": "Leeds"}, "name": "A Reader"})
    flow: Any = {"type": "subscription_cancel", "subscription_cancel": {"subscription": first.id}}
    portal = client.v1.billing_portal.sessions.create({"customer": customer.id, "flow_data": flow})
    client.v1.customers.delete(client.v1.customers.create({}).id)
    preview = _everything_else(stand, client, make_session)
    return [*_lists(stand), declined_intent, preview, portal.to_dict(), client.v1.customers.list().data[0].to_dict()]


def _lists(stand: Stand) -> list[dict[str, Any]]:
    lists = [
        "customers?expand[]=data.subscriptions",
        "products",
        "prices?expand[]=data.product",
        "checkout/sessions?expand[]=data.line_items",
        "subscriptions?status=all&expand[]=data.latest_invoice&expand[]=data.customer&expand[]=data.discounts",
        "invoices?expand[]=data.payments&expand[]=data.customer",
        "invoice_payments",
        "payment_intents?expand[]=data.latest_charge&expand[]=data.payment_method",
        "payment_methods",
        "charges?expand[]=data.customer",
        "coupons",
        "disputes?expand[]=data.charge",
        "events",
        "invoiceitems",
        "promotion_codes?expand[]=data.promotion.coupon",
        "refunds?expand[]=data.payment_intent",
        "setup_intents",
        "subscription_schedules?expand[]=data.subscription",
    ]
    return [_read(stand, f"/v1/{path}") for path in lists]


def _everything_else(stand: Stand, client: stripe.StripeClient, make_session: MakeSession) -> dict[str, Any]:
    """Promotion, trial, changes, a schedule, refund, dispute, failing payments; the preview of an invoice."""
    client.v1.coupons.create({"id": "HALF", "percent_off": 50, "duration": "forever"})
    client.v1.coupons.create({"id": "ONE", "amount_off": 100, "currency": "usd"})
    code = client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": "HALF"}, "code": "HALF"})
    trial = make_session(subscription_data={"trial_period_days": 7}, discounts=[{"promotion_code": code.id}])
    assert trial.url is not None
    stand.pay(trial.url, email="trial@case.test")
    begun: dict[str, stripe.Subscription] = {}
    for card in ("pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"):
        customer = client.v1.customers.create({"email": "more@case.test"})
        method = client.v1.payment_methods.attach(card, {"customer": customer.id})
        begun[card] = client.v1.subscriptions.create(
            {
                "customer": customer.id,
                "default_payment_method": method.id,
                "discounts": [{"coupon": "ONE"}],
                "items": [{"price": "price_TrueCrimeProMonth"}],
            }
        )
    paid = begun["pm_card_visa"]
    item = paid["items"].data[0]
    max_item: Any = {"items": [{"id": item.id, "price": "price_TrueCrimeMaxMonth"}]}
    client.v1.subscriptions.update(paid.id, max_item)
    [charge] = client.v1.charges.list({"customer": str(paid.customer)}).data
    client.v1.refunds.create({"charge": charge.id, "amount": 100, "metadata": {"case": "1"}})
    stand.post("/_sandbox/disputes", {"charge": charge.id}).raise_for_status()
    client.v1.subscription_schedules.create({"from_subscription": paid.id})
    yearly: Any = {"items": [{"id": item.id, "price": "price_TrueCrimeMaxYear"}]}
    yearly |= {"payment_behavior": "pending_if_incomplete"}
    asking = client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": str(paid.customer)})
    client.v1.subscriptions.update(paid.id, {"default_payment_method": asking.id})
    assert client.v1.subscriptions.update(paid.id, yearly).pending_update is not None
    stand.advance(9 * 86_400)
    address, headers = f"{stand.url}/v1/invoices/create_preview", {"Authorization": f"Bearer {API_KEY}"}
    preview: dict[str, Any] = BROWSER.post(address, data={"subscription": paid.id}, headers=headers).json()
    assert preview["object"] == "invoice", preview
    return preview


def _read(stand: Stand, path: str) -> dict[str, Any]:
    address = f"{stand.url}{path}{'&' if '?' in path else '?'}limit=100"
    answer: dict[str, Any] = BROWSER.get(address, headers={"Authorization": f"Bearer {API_KEY}"}).json()
    assert "error" not in answer, answer
    return answer


def test_every_object_is_what_the_sdk_declares(answers: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    found: set[str] = set()
    for emitted in objects_in(answers):
        kind = emitted["object"]
        seen.add(kind)
        found |= set(object_problems(emitted, class_of(kind), kind))
    assert found == set()
    assert seen == EXPECTED_KINDS


def test_event_types_are_the_sdks_own(answers: list[dict[str, Any]]) -> None:
    types = {emitted["type"] for emitted in objects_in(answers) if emitted["object"] == "event"}
    assert {"checkout.session.completed", "invoice.paid", "charge.failed", "customer.deleted"} <= types
    assert types <= set(typing.get_args(stripe.Event.__annotations__["type"]))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"currency": None}, "price.currency: None"),
        ({"recurring": {"interval": "month"}}, "price.recurring.interval_count is missing"),
        ({"type": "monthly"}, "price.type: 'monthly'"),
        ({"unit_amount": True}, "price.unit_amount: True"),
        ({"colour": "red"}, "price.colour is not declared"),
        ({"product": 7}, "price.product: 7"),
    ],
)
def test_the_check_sees_what_is_wrong(shared: Stand, broken: dict[str, Any], said: str) -> None:
    price = _read(shared, "/v1/prices")["data"][0]
    assert list(object_problems(price, stripe.Price, "price")) == []
    found = list(object_problems({**price, **broken}, stripe.Price, "price"))
    assert any(problem.startswith(said) for problem in found), found


def test_a_null_where_the_sdk_wants_absence_is_seen() -> None:
    restrictions = {"currency_options": None, "first_time_transaction": False}
    found = list(object_problems(restrictions, stripe.PromotionCode.Restrictions, "restrictions"))
    assert "restrictions.currency_options must be absent, not null" in found
