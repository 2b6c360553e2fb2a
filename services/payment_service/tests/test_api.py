"""The HTTP side: statuses, problem documents, who may ask, what may be kept."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI

from common_auth.testing import TestIssuer
from payment_service.api.problems import PROBLEMS
from payment_service.domain.errors import ProviderUnavailable, Refusal
from payment_service.domain.ids import UserId
from payment_service.domain.subscription import ProviderStatus
from services.payment_service.tests.harness import Harness

pytestmark = pytest.mark.anyio
CHECKOUTS = "/payment/v1/checkout-sessions"


@pytest.fixture
def user_id() -> UserId:
    return UserId(uuid4())


@pytest.fixture
def reader(issuer: TestIssuer, user_id: UserId) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.reader(user_id)}"}


def key(name: str = "key") -> dict[str, str]:
    return {"Idempotency-Key": name}


async def test_every_refusal_has_a_face() -> None:
    assert set(PROBLEMS) == set(Refusal.__subclasses__())


async def test_plans_are_public_and_may_be_kept(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/payment/v1/plans")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=300")
    free, pro, top = answer.json()["items"]
    assert (free["prices"], free["is_default"]) == ([], True)
    assert pro["prices"] == [{"currency": "usd", "unit_amount": 999, "interval": "month"}]
    assert top["features"]["premium.month"] == {"kind": "limit", "unlimited": True, "window": "period"}
    again = await http.get("/payment/v1/plans", headers={"If-None-Match": f'"x", W/{answer.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_newcomer_sees_the_default_plan(http: httpx2.AsyncClient, reader: dict[str, str]) -> None:
    answer = await http.get("/payment/v1/me/access", headers=reader)
    body = answer.json()
    assert (body["version"], body["state"], body["entitled"], body["plan"]["code"]) == (0, "none", False, "free")
    assert body["action"] == {"type": "checkout", "href": CHECKOUTS}
    again = await http.get("/payment/v1/me/access", headers=reader | {"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_the_gate_sees_the_same_snapshot_under_its_version(
    http: httpx2.AsyncClient, harness: Harness, issuer: TestIssuer, user_id: UserId, reader: dict[str, str]
) -> None:
    service = {"Authorization": f"Bearer {issuer.service('payment/access')}"}
    url = f"/internal/v1/access/{user_id}"
    before = await http.get(url, headers=service)
    await harness.subscribe(user_id)
    after = await http.get(url, headers=service | {"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.headers["etag"], after.json()["entitled"]) == (200, '"1"', True)
    assert (await http.get(url, headers=service | {"If-None-Match": '"1"'})).status_code == 304
    assert (await http.get("/payment/v1/me/access", headers=reader)).json() == after.json()


async def test_internal_routes_ask_for_a_service_with_the_right_scope(
    http: httpx2.AsyncClient, issuer: TestIssuer, user_id: UserId, reader: dict[str, str]
) -> None:
    url = f"/internal/v1/access/{user_id}"
    other = {"Authorization": f"Bearer {issuer.service('story/admin')}"}
    assert (await http.get(url)).json()["code"] == "unauthenticated"
    assert (await http.get(url, headers=reader)).json()["code"] == "token_invalid"
    assert (await http.get(url, headers=other)).json()["code"] == "forbidden"


async def test_billing_is_for_an_admin_behind_a_service(
    http: httpx2.AsyncClient, harness: Harness, issuer: TestIssuer, user_id: UserId
) -> None:
    customer = await harness.subscribe(user_id)
    url, service = f"/internal/v1/billing/{user_id}", {"Authorization": f"Bearer {issuer.service('payment/admin')}"}
    admin = {"X-Actor-Token": issuer.reader(groups=["admin"])}
    nobody = await http.get(url, headers=service)
    no_admin = await http.get(url, headers=service | {"X-Actor-Token": issuer.reader(groups=["reader"])})
    assert (nobody.status_code, no_admin.status_code) == (401, 403)
    body = (await http.get(url, headers=service | admin)).json()
    assert (body["customer"]["id"], body["subscription"]["status"]) == (customer, "active")
    assert (len(body["invoices"]), body["access"]["plan"]) == (1, {"code": "pro", "rank": 1})
    assert (body["subscription"]["pending_change"], body["subscription"]["action"]) == (None, None)
    stranger = (await http.get(f"/internal/v1/billing/{uuid4()}", headers=service | admin)).json()
    assert (stranger["customer"], stranger["subscription"], stranger["invoices"]) == (None, None, [])


async def test_an_admin_sees_what_is_to_come_and_to_do_as_the_owner_does(
    http: httpx2.AsyncClient, harness: Harness, issuer: TestIssuer, user_id: UserId
) -> None:
    customer = await harness.subscribe(user_id)
    headers = {"Authorization": f"Bearer {issuer.service('payment/admin')}"}
    headers |= {"X-Actor-Token": issuer.reader(groups=["admin"])}
    pending = {"pending_price_id": "price_max_month", "pending_at": harness.clock() + timedelta(hours=23)}
    portal = {"type": "update_payment_method", "href": "/payment/v1/portal-sessions"}
    for terms, coming, action in (
        (pending | {"schedule_id": "sub_sched_1"}, ("scheduled", "max"), None),
        (pending | {"schedule_id": None}, ("unpaid", "max"), None),
        ({"pending_price_id": "price_of_nobody"}, ("unpaid", None), None),
        ({"pending_price_id": None, "status": ProviderStatus.PAST_DUE}, None, portal),
    ):
        harness.stripe.change(customer, **terms)
        await harness.settle()
        shown = (await http.get(f"/internal/v1/billing/{user_id}", headers=headers)).json()["subscription"]
        change = shown["pending_change"]
        assert ((change["kind"], change["plan_code"]) if change else None, shown["action"]) == (coming, action)


async def test_a_checkout_is_answered_and_replayed(http: httpx2.AsyncClient, reader: dict[str, str]) -> None:
    first = await http.post(CHECKOUTS, json={"plan_code": "pro"}, headers=reader | key())
    again = await http.post(CHECKOUTS, json={"plan_code": "pro", "interval": "month"}, headers=reader | key())
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    seen = (await http.get(f"{CHECKOUTS}/{first.json()['id']}", headers=reader)).json()
    assert (seen["state"], seen["access"], seen["url"]) == ("open", False, first.json()["url"])


async def test_refusals_of_a_checkout_have_their_codes(
    http: httpx2.AsyncClient, harness: Harness, reader: dict[str, str]
) -> None:
    async def code(body: dict[str, object], name: str) -> tuple[int, str]:
        answer = await http.post(CHECKOUTS, json=body, headers=reader | key(name))
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    assert await code({"plan_code": "gold"}, "a") == (422, "plan_unknown")
    assert await code({"plan_code": "pro", "return_path": "/a/../b"}, "b") == (422, "return_path_not_allowed")
    harness.stripe.faults = [ProviderUnavailable]
    assert await code({"plan_code": "pro"}, "c") == (503, "provider_unavailable")
    opened = (await http.post(CHECKOUTS, json={"plan_code": "pro"}, headers=reader | key("c"))).json()
    open_now = (await http.post(CHECKOUTS, json={"plan_code": "max"}, headers=reader | key("d"))).json()
    assert (open_now["code"], open_now["id"], open_now["url"]) == ("checkout_open", opened["id"], opened["url"])
    assert open_now["action"] == {"type": "checkout", "href": opened["url"]}
    assert await code({"plan_code": "max"}, "c") == (422, "idempotency_key_reused")
    harness.stripe.pay(f"cs_{opened['id']}")
    await harness.settle()
    assert await code({"plan_code": "pro"}, "e") == (409, "already_subscribed")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"plan_code": 7},
        {"plan_code": "PRO"},
        {"plan_code": "pro", "price_id": "price_1"},
        {"plan_code": "pro", "interval": "week"},
        {"plan_code": "pro", "return_path": "https://evil.test"},
        {"plan_code": "pro", "return_path": "//evil.test"},
        {"plan_code": "pro", "return_path": "/\x00"},
        {"plan_code": "pro", "success_url": "https://evil.test"},
        [],
    ],
)
async def test_bodies_are_strict(http: httpx2.AsyncClient, reader: dict[str, str], body: object) -> None:
    answer = await http.post(CHECKOUTS, json=body, headers=reader | key())
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_a_key_is_required(http: httpx2.AsyncClient, reader: dict[str, str]) -> None:
    answer = await http.post(CHECKOUTS, json={"plan_code": "pro"}, headers=reader)
    assert answer.json()["errors"][0]["pointer"] == "header/Idempotency-Key"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/payment/v1/me/access"),
        ("GET", "/payment/v1/me/subscription"),
        ("GET", "/payment/v1/me/invoices"),
        ("POST", CHECKOUTS),
        ("GET", f"{CHECKOUTS}/{UUID(int=1)}"),
        ("POST", "/payment/v1/portal-sessions"),
    ],
)
async def test_what_is_mine_asks_who_i_am(http: httpx2.AsyncClient, method: str, path: str) -> None:
    answer = await http.request(method, path, json={"plan_code": "pro"}, headers=key())
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_subscription_invoices_and_portal(
    http: httpx2.AsyncClient, harness: Harness, reader: dict[str, str], user_id: UserId
) -> None:
    portal = "/payment/v1/portal-sessions"
    assert (await http.get("/payment/v1/me/subscription", headers=reader)).json()["code"] == "no_subscription"
    assert (await http.post(portal, json={}, headers=reader | key())).json()["code"] == "no_customer"
    customer = await harness.subscribe(user_id)
    for _ in range(2):
        harness.clock.advance(days=30)
        harness.stripe.fail_payment(customer)
        harness.stripe.recover(customer)
    await harness.settle()
    subscription = (await http.get("/payment/v1/me/subscription", headers=reader)).json()
    assert (subscription["plan_code"], subscription["next_invoice_at"]) == ("pro", subscription["period_end"])
    first = (await http.get("/payment/v1/me/invoices?limit=2", headers=reader)).json()
    rest = (await http.get("/payment/v1/me/invoices", params={"cursor": first["next_cursor"]}, headers=reader)).json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
    forged = await http.get("/payment/v1/me/invoices?cursor=AAAA", headers=reader)
    assert (forged.status_code, forged.json()["code"]) == (422, "cursor_invalid")
    opened = await http.post(portal, json={"return_path": "/billing"}, headers=reader | key())
    assert (opened.status_code, "portal.test" in opened.json()["url"]) == (201, True)


async def test_somebody_elses_checkout_is_not_found(
    http: httpx2.AsyncClient, issuer: TestIssuer, reader: dict[str, str]
) -> None:
    mine = (await http.post(CHECKOUTS, json={"plan_code": "pro"}, headers=reader | key())).json()
    other = {"Authorization": f"Bearer {issuer.reader()}"}
    assert (await http.get(f"{CHECKOUTS}/{mine['id']}", headers=other)).json()["code"] == "not_found"


async def test_the_contract_names_every_code(make_app: Callable[[Harness], FastAPI], harness: Harness) -> None:
    document = make_app(harness).openapi()
    assert set(document["paths"]) == {
        "/payment/v1/plans",
        "/payment/v1/me/access",
        "/payment/v1/me/subscription",
        "/payment/v1/me/subscription/change-preview",
        "/payment/v1/me/subscription/change",
        "/payment/v1/me/subscription/cancel",
        "/payment/v1/me/subscription/resume",
        "/payment/v1/me/invoices",
        "/payment/v1/checkout-sessions",
        "/payment/v1/checkout-sessions/{checkout_id}",
        "/payment/v1/portal-sessions",
        "/payment/v1/promo-codes/validate",
        "/webhooks/stripe",
        "/internal/v1/access/{user_id}",
        "/internal/v1/billing/{user_id}",
        "/internal/v1/subscriptions",
        "/internal/v1/invoices",
        "/internal/v1/webhooks",
        "/internal/v1/webhooks/replay",
        "/internal/v1/webhooks/{event_id}/replay",
        "/internal/v1/reconcile",
        "/internal/v1/reconcile/{run_id}",
        "/internal/v1/access/batch",
        "/internal/v1/plans/{code}/entitlements",
        "/internal/v1/access/{user_id}/history",
        "/internal/v1/users/{user_id}/overrides",
        "/internal/v1/users/{user_id}/grants",
        "/internal/v1/overrides/{override_id}",
        "/internal/v1/grants/{grant_id}",
    }
    described = " ".join(
        response["description"]
        for path in document["paths"].values()
        for operation in path.values()
        for response in operation["responses"].values()
    )
    assert all(face.code in described for face in PROBLEMS.values())


async def test_another_method_is_told_the_allowed_ones(http: httpx2.AsyncClient) -> None:
    answer = await http.delete("/payment/v1/plans")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
