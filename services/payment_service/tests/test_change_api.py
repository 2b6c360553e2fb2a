"""Changing, ending and resuming over HTTP: bodies, codes, replays."""

from typing import cast
from uuid import uuid4

import httpx2
import pytest

from common_auth.testing import TestIssuer
from payment_service.domain.ids import UserId
from payment_service.domain.subscription import ProviderStatus
from services.payment_service.tests.fake_subscriptions import FakeSubscriptions
from services.payment_service.tests.harness import Harness

pytestmark = pytest.mark.anyio
MINE = "/payment/v1/me/subscription"
MAX, PRO = {"plan_code": "max"}, {"plan_code": "pro"}


@pytest.fixture
def user_id() -> UserId:
    return UserId(uuid4())


@pytest.fixture
def reader(issuer: TestIssuer, user_id: UserId) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.reader(user_id)}"}


def keyed(reader: dict[str, str], name: str = "key") -> dict[str, str]:
    return reader | {"Idempotency-Key": name}


async def test_from_the_preview_to_the_other_plan(
    http: httpx2.AsyncClient, harness: Harness, reader: dict[str, str], user_id: UserId
) -> None:
    customer = await harness.subscribe(user_id)
    harness.clock.advance(days=10)
    preview = (await http.get(f"{MINE}/change-preview", params=MAX, headers=reader)).json()
    assert [line["amount"] for line in preview["lines"]] == [-666, 1333]
    assert (preview["amount_due"], preview["currency"], preview["due_at"]) == (667, "usd", None)
    assert (preview["takes_effect"], preview["proration_date"]) == ("now", int(harness.clock.now.timestamp()))
    body = MAX | {"proration_date": preview["proration_date"]}
    changed = await http.post(f"{MINE}/change", json=body, headers=keyed(reader))
    again = await http.post(f"{MINE}/change", json=body, headers=keyed(reader))
    assert (changed.status_code, again.json(), again.headers["idempotent-replayed"]) == (200, changed.json(), "true")
    await harness.settle()
    seen = (await http.get(MINE, headers=reader)).json()
    assert (seen["plan_code"], seen["interval"], seen["pending_change"], seen["action"]) == ("max", "month", None, None)
    assert harness.stripe.invoices[customer][-1].amount_paid == 667
    down = (await http.post(f"{MINE}/change", json=PRO, headers=keyed(reader, "down"))).json()
    assert (down["takes_effect"], down["takes_effect_at"]) == ("period_end", seen["period_end"])
    await harness.settle()
    seen = (await http.get(MINE, headers=reader)).json()
    assert seen["pending_change"] == {
        "kind": "scheduled",
        "plan_code": "pro",
        "interval": "month",
        "at": seen["period_end"],
    }
    withdrawn = await http.delete(f"{MINE}/change", headers=keyed(reader))
    assert withdrawn.json() == {"plan_code": "max", "interval": "month"}


async def test_a_payment_that_needs_its_owner_is_402_and_says_where(
    http: httpx2.AsyncClient, harness: Harness, reader: dict[str, str], user_id: UserId
) -> None:
    await harness.subscribe(user_id)
    cast("FakeSubscriptions", harness.world.subscriptions).needs_its_owner = True
    answer = await http.post(f"{MINE}/change", json=MAX, headers=keyed(reader))
    action = {"type": "pay_invoice", "href": "https://invoice.stripe.com/i/2"}
    assert (answer.status_code, answer.json()["code"], answer.json()["action"]) == (
        402,
        "payment_action_required",
        action,
    )
    await harness.settle()
    seen = (await http.get(MINE, headers=reader)).json()
    assert (seen["pending_change"]["kind"], seen["action"]) == ("unpaid", action)


async def test_an_incomplete_subscription_says_what_to_do(
    http: httpx2.AsyncClient, harness: Harness, reader: dict[str, str], user_id: UserId
) -> None:
    customer = await harness.subscribe(user_id)
    harness.stripe.change(customer, status=ProviderStatus.INCOMPLETE)
    await harness.settle()
    seen = (await http.get(MINE, headers=reader)).json()
    assert (seen["status"], seen["action"]["href"]) == ("incomplete", "/payment/v1/portal-sessions")
    refused = (await http.post(f"{MINE}/change", json=MAX, headers=keyed(reader))).json()
    assert (refused["code"], refused["action"]) == ("payment_incomplete", seen["action"])


async def test_cancel_and_resume_over_http(
    http: httpx2.AsyncClient, harness: Harness, reader: dict[str, str], user_id: UserId
) -> None:
    nothing = await http.post(f"{MINE}/cancel", json={}, headers=keyed(reader))
    assert (nothing.status_code, nothing.json()["code"]) == (409, "no_live_subscription")
    await harness.subscribe(user_id)
    early = await http.post(f"{MINE}/resume", headers=keyed(reader))
    assert (early.status_code, early.json()["code"]) == (409, "not_cancelling")
    ended = await http.post(f"{MINE}/cancel", json={"reason": "too dark"}, headers=keyed(reader))
    assert ended.json() == {"ends_at": "2026-12-21T12:00:00Z"}
    await harness.settle()
    assert (await http.get(MINE, headers=reader)).json()["cancel_at_period_end"]
    resumed = await http.post(f"{MINE}/resume", headers=keyed(reader))
    assert resumed.json() == {"renews_at": "2026-12-21T12:00:00Z"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("change", {}),
        ("change", MAX | {"price_id": "price_1"}),
        ("change", MAX | {"proration_date": "now"}),
        ("change", MAX | {"proration_date": 0}),
        ("change", MAX | {"interval": "week"}),
        ("cancel", {"at_period_end": False}),
        ("cancel", {"reason": "\x00"}),
        ("cancel", {"reason": "x" * 501}),
        ("cancel", []),
    ],
)
async def test_bodies_of_changes_are_strict(
    http: httpx2.AsyncClient, reader: dict[str, str], path: str, body: object
) -> None:
    answer = await http.post(f"{MINE}/{path}", json=body, headers=keyed(reader))
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "change-preview"), ("POST", "change"), ("DELETE", "change"), ("POST", "cancel"), ("POST", "resume")],
)
async def test_what_is_mine_to_change_asks_who_i_am(http: httpx2.AsyncClient, method: str, path: str) -> None:
    answer = await http.request(method, f"{MINE}/{path}", headers=keyed({}))
    assert answer.status_code == 401
