"""Notifications over ASGI: one's own list, what is read of it, and what one wants to be told."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from common_auth.testing import TestIssuer
from common_service.ids import uuid7
from services.user_service.tests.conftest import SignedIn
from services.user_service.tests.worlds import NOON
from user_service.application.notify import notify
from user_service.application.ports import StartWork
from user_service.domain.billing_notices import payment_due
from user_service.domain.profile import UserId

pytestmark = pytest.mark.anyio
LIST, READ, CHOICES = (
    f"/user/v1/me/{name}" for name in ("notifications", "notifications/read", "notification-preferences")
)
USUAL = {
    "payment_due": {"in_app": True, "email": True},
    "subscription": {"in_app": True, "email": False},
    "grant": {"in_app": True, "email": False},
    "account": {"in_app": True, "email": True},
}


@pytest.fixture
async def ann(issuer: TestIssuer, http: httpx2.AsyncClient) -> SignedIn:
    ann = SignedIn(issuer, uuid4(), "ann@truecrime.test")
    assert (await http.post("/user/v1/me", headers=ann.headers, json=ann.proof)).status_code == 201
    return ann


async def tell(start_work: StartWork, person: SignedIn, day: int) -> None:
    async with start_work() as work:
        notice = payment_due("sub_1", "pro", day, NOON + timedelta(days=7))
        await notify(work, UserId(person.user_id), notice, NOON + timedelta(days=day), uuid7)
        await work.commit()


async def listed(http: httpx2.AsyncClient, person: SignedIn, query: str = "") -> dict[str, Any]:
    answer = await http.get(f"{LIST}{query}", headers=person.headers)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def test_a_list_is_ones_own_and_goes_page_by_page(
    http: httpx2.AsyncClient, ann: SignedIn, start_work: StartWork, issuer: TestIssuer
) -> None:
    for day in (0, 3, 6):
        await tell(start_work, ann, day)
    first = await listed(http, ann, "?limit=2")
    rest = await listed(http, ann, f"?limit=2&cursor={first['next_cursor']}")
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
    youngest = first["items"][0]
    assert (youngest["kind"], youngest["read_at"], youngest["created_at"]) == (
        "payment_due",
        None,
        "2026-11-27T12:00:00Z",
    )
    assert youngest["data"]["action"] == {"type": "update_payment_method", "href": "/payment/v1/portal-sessions"}
    assert (await listed(http, SignedIn(issuer, uuid4(), "bob@truecrime.test")))["items"] == []
    assert (await http.get(f"{LIST}?cursor=forged", headers=ann.headers)).json()["code"] == "cursor_invalid"
    assert (await http.get(LIST)).status_code == 401


async def test_what_was_read_is_no_longer_unread(
    http: httpx2.AsyncClient, ann: SignedIn, start_work: StartWork
) -> None:
    for day in (0, 3, 6):
        await tell(start_work, ann, day)
    ids = [each["id"] for each in (await listed(http, ann))["items"]]
    for body in ({"ids": [ids[0], str(uuid4())]}, {"before": "2026-11-21T12:00:00Z"}):
        assert (await http.post(READ, headers=ann.headers, json=body)).status_code == 204
    assert [each["id"] for each in (await listed(http, ann, "?unread=true"))["items"]] == [ids[1]]
    assert len((await listed(http, ann))["items"]) == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": ["x"]},
        {"before": 1},
        {"before": "2026-11-21"},
        {"before": "2026-11-21T12:00:00"},
        {"ids": [str(uuid4())], "before": "2026-11-21T12:00:00Z"},
    ],
)
async def test_what_is_read_is_said_in_one_of_two_ways(
    http: httpx2.AsyncClient, ann: SignedIn, body: dict[str, Any]
) -> None:
    answer = await http.post(READ, headers=ann.headers, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_choices_are_replaced_as_a_whole(
    http: httpx2.AsyncClient, ann: SignedIn, start_work: StartWork, issuer: TestIssuer
) -> None:
    assert (await http.get(CHOICES, headers=ann.headers)).json() == USUAL
    quiet = {"payment_due": {"in_app": False, "email": False}}
    answer = await http.put(CHOICES, headers=ann.headers, json=quiet)
    assert (answer.status_code, answer.json()) == (200, USUAL | quiet)
    assert (await http.get(CHOICES, headers=ann.headers)).json() == USUAL | quiet
    await tell(start_work, ann, 0)
    assert (await listed(http, ann))["items"] == []
    assert (await http.put(CHOICES, headers=ann.headers, json={})).json() == USUAL
    for body in ({"gossip": {"in_app": True, "email": True}}, {"grant": {"in_app": True}}, {"grant": None}):
        assert (await http.put(CHOICES, headers=ann.headers, json=body)).status_code == 422
    bob = SignedIn(issuer, uuid4(), "bob@truecrime.test")
    for answer in (await http.get(CHOICES, headers=bob.headers), await http.put(CHOICES, headers=bob.headers, json={})):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_provisioned")
