"""Pages over everybody's subscriptions and invoices: who may, what is shown, and how a page ends."""

from typing import Any

import httpx2
import pytest

from common_auth.testing import TestIssuer
from payment_service.domain.ids import UserId
from payment_service.domain.subscription import ProviderStatus
from services.payment_service.tests.harness import PRO, Harness, somebody

pytestmark = pytest.mark.anyio
LISTS = ("/internal/v1/subscriptions", "/internal/v1/invoices")


@pytest.fixture
def admin(issuer: TestIssuer) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {issuer.service('payment/admin')}",
        "X-Actor-Token": issuer.reader(groups=["admin"]),
    }


async def listed(http: httpx2.AsyncClient, admin: dict[str, str], address: str) -> list[dict[str, Any]]:
    """Return all of a list, two at a time."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"{'&' if '?' in address else '?'}limit=2{f'&cursor={cursor}' if cursor else ''}"
        answer = await http.get(f"{address}{query}", headers=admin)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
    return found


async def three(harness: Harness) -> list[UserId]:
    people = [somebody() for _ in range(3)]
    for user_id in people:
        await harness.subscribe(user_id, PRO)
        harness.clock.advance(hours=1)
    return people


@pytest.mark.parametrize("address", LISTS)
async def test_nobody_else_may(http: httpx2.AsyncClient, issuer: TestIssuer, address: str) -> None:
    service = {"Authorization": f"Bearer {issuer.service('payment/admin')}"}
    reader = service | {"X-Actor-Token": issuer.reader()}
    other = {"Authorization": f"Bearer {issuer.service('payment/access')}"}
    for headers, status in (({}, 401), (service, 401), (reader, 403), (other, 403)):
        assert (await http.get(address, headers=headers)).status_code == status


async def test_subscriptions_are_listed_by_state_and_plan(
    http: httpx2.AsyncClient, harness: Harness, admin: dict[str, str]
) -> None:
    people = await three(harness)
    harness.stripe.change(await harness.customer(people[1]), status=ProviderStatus.CANCELED)
    await harness.settle()
    shown = await listed(http, admin, LISTS[0])
    assert [each["user_id"] for each in shown] == [str(each) for each in reversed(people)]
    assert {each["plan_code"] for each in shown} == {"pro"}
    canceled = await listed(http, admin, f"{LISTS[0]}?state=canceled")
    assert [each["user_id"] for each in canceled] == [str(people[1])]
    assert len(await listed(http, admin, f"{LISTS[0]}?plan=pro&state=active")) == 2
    assert await listed(http, admin, f"{LISTS[0]}?plan=max") == []


async def test_invoices_are_listed_by_status_and_moment(
    http: httpx2.AsyncClient, harness: Harness, admin: dict[str, str]
) -> None:
    began, people = harness.clock(), await three(harness)
    harness.stripe.fail_payment(await harness.customer(people[0]))
    await harness.settle()
    shown = await listed(http, admin, LISTS[1])
    assert [each["user_id"] for each in shown] == [str(people[0]), *(str(each) for each in reversed(people))]
    [unpaid] = await listed(http, admin, f"{LISTS[1]}?status=open")
    assert (unpaid["invoice"]["status"], unpaid["invoice"]["amount_due"]) == ("open", 999)
    hour = began.replace(hour=began.hour + 1).isoformat().replace("+00:00", "Z")
    assert len(await listed(http, admin, f"{LISTS[1]}?from={hour}&status=paid")) == 2


async def test_a_cursor_is_of_its_own_list(http: httpx2.AsyncClient, harness: Harness, admin: dict[str, str]) -> None:
    await three(harness)
    cursor = (await http.get(f"{LISTS[0]}?limit=2", headers=admin)).json()["next_cursor"]
    answer = await http.get(f"{LISTS[1]}?cursor={cursor}", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")
