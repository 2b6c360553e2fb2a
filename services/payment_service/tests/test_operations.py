"""What an admin does with webhooks and the reconciliation: who may, what is shown, what it causes."""

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from common_auth.testing import TestIssuer
from payment_service.domain.subscription import ProviderStatus
from services.payment_service.tests.harness import Harness, somebody

pytestmark = pytest.mark.anyio
ADMIN = uuid4()


@pytest.fixture
def admin(issuer: TestIssuer) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {issuer.service('payment/admin')}",
        "X-Actor-Token": issuer.reader(ADMIN, groups=["admin"]),
    }


async def listed(http: httpx2.AsyncClient, admin: dict[str, str], query: str = "") -> list[dict[str, Any]]:
    answer = await http.get(f"/internal/v1/webhooks{query}", headers=admin)
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/internal/v1/webhooks"),
        ("POST", "/internal/v1/webhooks/replay"),
        ("POST", "/internal/v1/webhooks/evt_1/replay"),
        ("POST", "/internal/v1/reconcile"),
        ("GET", f"/internal/v1/reconcile/{UUID(int=1)}"),
    ],
)
async def test_nobody_else_may(http: httpx2.AsyncClient, issuer: TestIssuer, method: str, path: str) -> None:
    service = {"Authorization": f"Bearer {issuer.service('payment/admin')}"}
    reader = service | {"X-Actor-Token": issuer.reader()}
    other = {"Authorization": f"Bearer {issuer.service('payment/access')}"}
    for headers, status in (({}, 401), (service, 401), (reader, 403), (other, 403)):
        assert (await http.request(method, path, headers=headers, json={})).status_code == status


async def test_webhooks_are_listed_with_what_became_of_them_and_without_content(
    http: httpx2.AsyncClient, harness: Harness, admin: dict[str, str]
) -> None:
    await harness.subscribe(somebody())
    harness.stripe.tell("charge.succeeded", "cus_1")
    await harness.settle()
    shown = await listed(http, admin)
    assert [(each["type"], each["state"], each["reason"]) for each in shown if each["state"] == "ignored"] == [
        ("charge.succeeded", "ignored", "type not acted on")
    ]
    assert {each["state"] for each in shown} == {"processed", "ignored"}
    assert not any("payload" in each for each in shown)
    first = (await http.get("/internal/v1/webhooks?limit=3", headers=admin)).json()
    rest = await listed(http, admin, f"?limit=3&cursor={first['next_cursor']}")
    assert {each["event_id"] for each in [*first["items"], *rest]} == {each["event_id"] for each in shown}
    assert await listed(http, admin, "?state=dead") == []


async def test_the_webhooks_of_one_customer_are_listed_alone(
    http: httpx2.AsyncClient, harness: Harness, admin: dict[str, str]
) -> None:
    customer, other = await harness.subscribe(somebody()), await harness.subscribe(somebody())
    shown = await listed(http, admin, f"?customer={customer}")
    assert {each["customer_id"] for each in shown} == {customer}
    assert len(shown) == len(await listed(http, admin)) - len(await listed(http, admin, f"?customer={other}"))
    assert await listed(http, admin, f"?customer={customer}&state=dead") == []
    assert await listed(http, admin, "?customer=cus_of_nobody") == []


async def test_one_that_died_is_replayed_and_heals(
    http: httpx2.AsyncClient, harness: Harness, admin: dict[str, str]
) -> None:
    event = harness.stripe.tell("invoice.paid", "cus_late")
    await harness.settle()
    for _ in range(11):
        harness.clock.advance(hours=1)
        await harness.drain()
    assert [each["event_id"] for each in await listed(http, admin, "?state=dead")] == [event.id]
    owner = somebody()
    await harness.subscribe(owner)
    customer = await harness.customer(owner)
    harness.stripe.owners["cus_late"] = somebody()
    answer = await http.post(f"/internal/v1/webhooks/{event.id}/replay", headers=admin)
    assert (answer.status_code, answer.json()) == (202, {"replayed": 1})
    await harness.drain()
    shown = {each["event_id"]: each for each in await listed(http, admin)}
    assert (shown[event.id]["state"], shown[event.id]["replayed_by"]) == ("processed", str(ADMIN))
    assert customer != "cus_late"


async def test_all_that_are_in_a_state_are_replayed_and_change_nothing(
    http: httpx2.AsyncClient, harness: Harness, admin: dict[str, str]
) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    harness.stripe.take_back(customer, "dispute", "needs_response")
    await harness.settle()
    told = await harness.types()
    answer = await http.post("/internal/v1/webhooks/replay", headers=admin, json={"state": "processed"})
    assert (answer.status_code, answer.json()) == (202, {"replayed": 4})
    assert {each["state"] for each in await listed(http, admin)} == {"received"}
    await harness.drain()
    assert {each["state"] for each in await listed(http, admin)} == {"processed"}
    assert await harness.types() == told


async def test_what_is_not_there_is_not_replayed(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    answer = await http.post("/internal/v1/webhooks/evt_of_nobody/replay", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await http.get(f"/internal/v1/reconcile/{uuid4()}", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_of_another_world_nothing_is_acted_on_however_often_it_is_replayed(
    http: httpx2.AsyncClient, harness: Harness, admin: dict[str, str]
) -> None:
    await harness.deliver([harness.stripe.tell("invoice.paid", "cus_1", livemode=True)])
    await harness.deliver([harness.stripe.tell("invoice.paid", "cus_1", account="acct_of_others")])
    answer = await http.post("/internal/v1/webhooks/replay", headers=admin, json={"state": "ignored"})
    assert answer.json() == {"replayed": 2}
    assert {(each["state"], each["reason"]) for each in await listed(http, admin)} == {
        ("ignored", "other livemode"),
        ("ignored", "other account"),
    }
    assert await harness.sync.claim() is None
    assert harness.counted == [("ignored", "other livemode"), ("ignored", "other account")]


async def test_an_event_of_another_version_is_acted_on_and_told_apart(
    http: httpx2.AsyncClient, harness: Harness, admin: dict[str, str]
) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    harness.stripe.change(customer, status=ProviderStatus.CANCELED)
    harness.stripe.events.clear()
    harness.stripe.tell("customer.subscription.deleted", customer, api_version="2019-05-16")
    await harness.settle()
    assert not (await harness.access(user_id)).access.is_entitled
    youngest = next(each for each in await listed(http, admin) if each["api_version"] == "2019-05-16")
    assert (youngest["state"], youngest["reason"]) == ("processed", "other api version")
    assert harness.counted[-1] == ("received", "other api version")


async def test_a_person_is_reconciled_and_the_report_read(
    http: httpx2.AsyncClient, harness: Harness, admin: dict[str, str]
) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    harness.stripe.change(customer, status=ProviderStatus.CANCELED)
    harness.stripe.events.clear()
    key = admin | {"Idempotency-Key": "once"}
    asked = await http.post("/internal/v1/reconcile", headers=key, json={"user_id": str(user_id)})
    assert (asked.status_code, asked.json()["scope"], asked.json()["finished_at"]) == (202, "user", None)
    again = await http.post("/internal/v1/reconcile", headers=key, json={"user_id": str(user_id)})
    assert (again.status_code, again.json(), again.headers["idempotent-replayed"]) == (202, asked.json(), "true")
    other = await http.post("/internal/v1/reconcile", headers=key, json={})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await harness.reconcile.next()
    await harness.drain()
    report = (await http.get(f"/internal/v1/reconcile/{UUID(asked.json()['id'])}", headers=admin)).json()
    assert (report["checked"], report["drifted"], report["healed"]) == (1, 1, 1)
    assert [(each["who"], each["theirs"]) for each in report["details"]] == [(str(user_id), "canceled")]
    unknown = admin | {"Idempotency-Key": "another"}
    nobody = await http.post("/internal/v1/reconcile", headers=unknown, json={"user_id": str(somebody())})
    assert not await harness.reconcile.next(), "asked twice under one key, it was done once"
    assert (nobody.status_code, nobody.json()["code"]) == (409, "no_customer")
