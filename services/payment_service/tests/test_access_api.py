"""The routes about overrides, grants and history: who may ask, what is refused, what comes back."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from common_auth.testing import TestIssuer
from payment_service.domain.ids import UserId
from services.payment_service.tests.harness import Harness

pytestmark = pytest.mark.anyio
Headers = dict[str, str]


@pytest.fixture
def user_id() -> UserId:
    return UserId(uuid4())


@pytest.fixture
def admin(issuer: TestIssuer) -> Headers:
    token = issuer.reader(uuid4(), groups=["admin"])
    return {"Authorization": f"Bearer {issuer.service('payment/admin')}", "X-Actor-Token": token}


def at(harness: Harness, **delta: float) -> str:
    harness.clock.advance(**delta)
    instant: datetime = harness.clock.now
    harness.clock.advance(**{name: -value for name, value in delta.items()})
    return instant.isoformat()


def an_override(harness: Harness, **fields: Any) -> dict[str, Any]:
    return {"effect": "deny", "expires_at": at(harness, days=1), "reason": "chargeback"} | fields


async def test_an_admin_denies_and_revokes(
    http: httpx2.AsyncClient, harness: Harness, user_id: UserId, admin: Headers
) -> None:
    await harness.subscribe(user_id)
    url = f"/internal/v1/users/{user_id}/overrides"
    body, key = an_override(harness), {"Idempotency-Key": "a"}
    made = await http.post(url, json=body, headers=admin | key)
    again = await http.post(url, json=body, headers=admin | key)
    assert (made.status_code, again.json(), again.headers["idempotent-replayed"]) == (201, made.json(), "true")
    billing = (await http.get(f"/internal/v1/billing/{user_id}", headers=admin)).json()
    assert (billing["overrides"], billing["access"]["entitled"]) == ([made.json()], False)
    assert (billing["access"]["reason"], billing["access"]["action"]) == ("access_denied", None)
    one = f"/internal/v1/overrides/{made.json()['id']}"
    assert (await http.delete(one, headers=admin)).json()["code"] == "validation_failed"
    revoked = (await http.delete(one, params={"reason": "settled"}, headers=admin)).json()
    assert (revoked["revoked_by"], revoked["revoke_reason"]) == (made.json()["created_by"], "settled")
    twice = await http.delete(one, params={"reason": "settled"}, headers=admin)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_revoked")


async def test_an_admin_gives_and_takes_back(http: httpx2.AsyncClient, harness: Harness, admin: Headers) -> None:
    user_id = uuid4()
    body = {"meter": "tokens.month", "amount": 10, "expires_at": at(harness, days=1), "source_ref": "ticket-1"}
    url = f"/internal/v1/users/{user_id}/grants"
    made = await http.post(url, json=body, headers=admin | {"Idempotency-Key": "a"})
    second = await http.post(url, json=body, headers=admin | {"Idempotency-Key": "b"})
    assert (made.status_code, second.status_code, second.json()["code"]) == (201, 409, "already_granted")
    billing = (await http.get(f"/internal/v1/billing/{user_id}", headers=admin)).json()
    assert (billing["grants"], billing["access"]["grants"][0]["amount"]) == ([made.json()], 10)
    one = f"/internal/v1/grants/{made.json()['id']}"
    assert (await http.delete(one, params={"reason": "mistake"}, headers=admin)).json()["void_reason"] == "mistake"
    assert (await http.delete(one, params={"reason": "mistake"}, headers=admin)).json()["code"] == "already_voided"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"expires_at": None}, "expiry_required"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "expiry_too_far"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expiry_in_past"),
        ({"expires_at": "2026-12-01T00:00:00"}, "validation_failed"),
        ({"feature": "flying"}, "feature_unknown"),
        ({"effect": "limit"}, "override_unfit"),
        ({"effect": "limit", "feature": "stories.day", "limit_value": -1}, "validation_failed"),
        ({"reason": "no"}, "validation_failed"),
        ({"reason": "nul \x00 nul"}, "validation_failed"),
        ({"actor": "somebody"}, "validation_failed"),
    ],
)
async def test_an_override_is_refused_in_a_word(
    http: httpx2.AsyncClient, harness: Harness, admin: Headers, fields: dict[str, Any], code: str
) -> None:
    url = f"/internal/v1/users/{uuid4()}/overrides"
    answer = await http.post(url, json=an_override(harness) | fields, headers=admin | {"Idempotency-Key": "a"})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_grant_of_nothing_is_refused(http: httpx2.AsyncClient, harness: Harness, admin: Headers) -> None:
    url = f"/internal/v1/users/{uuid4()}/grants"
    body = {"meter": "wishes.day", "amount": 1, "expires_at": at(harness, days=1)}
    answer = await http.post(url, json=body, headers=admin | {"Idempotency-Key": "a"})
    assert (answer.status_code, answer.json()["code"]) == (422, "meter_unknown")
    gone = await http.delete(f"/internal/v1/grants/{uuid4()}", params={"reason": "mistake"}, headers=admin)
    lost = await http.delete(f"/internal/v1/overrides/{uuid4()}", params={"reason": "mistake"}, headers=admin)
    assert (gone.status_code, lost.status_code) == (404, 404)


async def test_the_time_machine_answers_for_an_instant_and_for_a_span(
    http: httpx2.AsyncClient, harness: Harness, user_id: UserId, admin: Headers
) -> None:
    begin = harness.clock.now.isoformat()
    harness.clock.advance(hours=1)
    await harness.subscribe(user_id)
    await http.post(
        f"/internal/v1/users/{user_id}/overrides", json=an_override(harness), headers=admin | {"Idempotency-Key": "a"}
    )
    harness.clock.advance(days=2)
    url = f"/internal/v1/access/{user_id}/history"
    first = (await http.get(url, params={"limit": 2}, headers=admin)).json()
    rest = (await http.get(url, params={"cursor": first["next_cursor"]}, headers=admin)).json()
    assert [item["version"] for item in first["items"] + rest["items"]] == [3, 2, 1]
    assert [item["cause"]["type"] for item in first["items"]] == ["timer", "override"]
    assert (first["items"][1]["cause"]["actor"] is None, rest["next_cursor"]) == (False, None)
    (then,) = (await http.get(url, params={"at": begin}, headers=admin)).json()["items"]
    assert (then["version"], then["valid_to"], then["plan"]["code"]) == (0, rest["items"][0]["valid_from"], "free")
    span = (await http.get(url, params={"from": begin, "to": begin}, headers=admin)).json()
    assert span == {"items": [], "next_cursor": None}
    later = await http.get(url, params={"at": "2099-01-01T00:00:00Z"}, headers=admin)
    assert (later.status_code, later.json()["code"]) == (422, "instant_in_future")
    other = await http.get(
        f"/internal/v1/access/{uuid4()}/history", params={"cursor": first["next_cursor"]}, headers=admin
    )
    assert other.json()["code"] == "cursor_invalid"
    dawn = await http.get(url, params={"at": "0001-01-01T00:00:00+14:00", "limit": 1}, headers=admin)
    assert dawn.json()["items"][0]["version"] == 0
    edge = {"from": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59:59-14:00"}
    assert len((await http.get(url, params=edge, headers=admin)).json()["items"]) == 3


async def test_a_batch_is_the_gate_for_many(
    http: httpx2.AsyncClient, harness: Harness, issuer: TestIssuer, user_id: UserId
) -> None:
    await harness.subscribe(user_id)
    gate = {"Authorization": f"Bearer {issuer.service('payment/access')}"}
    url = "/internal/v1/access/batch"
    answer = await http.post(url, json={"user_ids": [str(uuid4()), str(user_id)]}, headers=gate)
    assert [item["entitled"] for item in answer.json()["items"]] == [False, True]
    crowd = {"user_ids": [str(uuid4()) for _ in range(101)]}
    assert (await http.post(url, json=crowd, headers=gate)).json()["code"] == "validation_failed"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/internal/v1/users/{id}/overrides"),
        ("POST", "/internal/v1/users/{id}/grants"),
        ("DELETE", "/internal/v1/overrides/{id}"),
        ("DELETE", "/internal/v1/grants/{id}"),
        ("GET", "/internal/v1/access/{id}/history"),
    ],
)
async def test_only_an_admin_behind_a_service_gets_through(
    http: httpx2.AsyncClient, issuer: TestIssuer, method: str, path: str
) -> None:
    url = path.replace("{id}", str(uuid4()))
    service = {"Authorization": f"Bearer {issuer.service('payment/admin')}"}
    gate = {"Authorization": f"Bearer {issuer.service('payment/access')}"}
    reader = {"X-Actor-Token": issuer.reader(groups=["reader"])}
    codes = [
        (await http.request(method, url, json={}, headers=headers | {"Idempotency-Key": "a"})).status_code
        for headers in ({}, service, service | reader, gate | reader)
    ]
    assert codes == [401, 401, 403, 403]
