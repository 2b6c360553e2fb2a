"""The service over ASGI: status, problem, auth; over memory and over Postgres."""

from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest

from admin_service.api.problems import PROBLEMS
from admin_service.application.ports import StartWork
from admin_service.domain.errors import Refusal
from common_auth.errors import AUTH_PROBLEMS
from common_auth.testing import TestIssuer
from services.admin_service.tests.worlds import NOON, World, an_entry

pytestmark = pytest.mark.anyio
PATHS = ("/admin/v1/users", f"/admin/v1/users/{uuid4()}", "/admin/v1/roles")


@pytest.fixture
def admin(issuer: TestIssuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.reader(groups=['admin'])}"}


def refused(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_every_refusal_has_a_face() -> None:
    assert set(PROBLEMS) == set(Refusal.__subclasses__())
    assert not set(PROBLEMS) & set(AUTH_PROBLEMS)


@pytest.mark.parametrize("path", PATHS, ids=["list", "one", "roles"])
async def test_only_admins_get_in(http: httpx2.AsyncClient, issuer: TestIssuer, world: World, path: str) -> None:
    assert refused(await http.get(path)) == (401, "unauthenticated")
    for token, refusal in {
        issuer.reader(): (403, "forbidden"),
        issuer.reader(groups=["reader"]): (403, "forbidden"),
        issuer.reader(groups=["accountants"]): (403, "forbidden"),
        issuer.service("user/read", "payment/admin"): (401, "token_invalid"),
        issuer.reader(groups=["admin"], exp=1): (401, "token_expired"),
    }.items():
        assert refused(await http.get(path, headers={"Authorization": f"Bearer {token}"})) == refusal
    assert not any(source.asked for source in world.sources.values())


async def test_people_are_listed_page_by_page(
    http: httpx2.AsyncClient, start_work: StartWork, admin: dict[str, str]
) -> None:
    entries = [
        an_entry(first_seen_at=NOON + timedelta(microseconds=n), email=f"p{n}@truecrime.test", user_version=1)
        for n in range(5)
    ]
    async with start_work() as work:
        for entry in entries:
            await work.directory.open(entry.user_id, entry.first_seen_at)
            await work.directory.save(entry)
        await work.commit()
    seen: list[str] = []
    params: dict[str, str | int] = {"limit": 2}
    for _ in range(3):
        page = (await http.get("/admin/v1/users", headers=admin, params=params)).json()
        seen += [item["email"] for item in page["items"]]
        params["cursor"] = page["next_cursor"]
    assert page["next_cursor"] is None
    assert seen == [f"p{n}@truecrime.test" for n in (4, 3, 2, 1, 0)]


async def test_a_person_in_a_list(http: httpx2.AsyncClient, start_work: StartWork, admin: dict[str, str]) -> None:
    entry = an_entry(email="ann@truecrime.test", plan_code="pro", access_state="active", is_entitled=True)
    async with start_work() as work:
        await work.directory.open(entry.user_id, NOON)
        await work.directory.save(entry)
        await work.usage.add(entry.user_id, NOON, {"tokens.month": 1234})
        await work.commit()
    params = {"q": "ANN@", "plan": "pro", "state": "active"}
    page = (await http.get("/admin/v1/users", headers=admin, params=params)).json()
    assert page == {
        "items": [
            {
                "id": str(entry.user_id),
                "email": "ann@truecrime.test",
                "display_name": None,
                "status": "active",
                "registered_at": None,
                "plan": "pro",
                "access_state": "active",
                "entitled": True,
                "tokens_30d": 1234,
            }
        ],
        "next_cursor": None,
    }


@pytest.mark.parametrize(
    "params",
    [{"q": ""}, {"q": "a" * 101}, {"state": "rich"}, {"plan": "Pro!"}, {"limit": "0"}, {"limit": "x"}],
)
async def test_searches_that_do_not_fit_are_refused(
    http: httpx2.AsyncClient, admin: dict[str, str], params: dict[str, str]
) -> None:
    answer = await http.get("/admin/v1/users", headers=admin, params=params)
    assert refused(answer) == (422, "validation_failed")


async def test_a_foreign_cursor_is_refused(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    answer = await http.get("/admin/v1/users", headers=admin, params={"cursor": "bm90IG91cnM"})
    assert refused(answer) == (422, "cursor_invalid")


async def test_the_overview_holds_every_services_own_document(
    http: httpx2.AsyncClient, world: World, admin: dict[str, str]
) -> None:
    user_id = uuid4()
    answer = await http.get(f"/admin/v1/users/{user_id}", headers=admin)
    assert (answer.status_code, answer.json()) == (
        200,
        {**{name: source.document for name, source in world.sources.items()}, "partial": []},
    )
    token = admin["Authorization"].removeprefix("Bearer ")
    assert all(source.asked == [(user_id, token)] for source in world.sources.values())


async def test_the_overview_names_what_did_not_answer(
    http: httpx2.AsyncClient, world: World, admin: dict[str, str]
) -> None:
    world.sources["usage"].seconds, world.sources["billing"].is_down = 60, True
    answer = (await http.get(f"/admin/v1/users/{uuid4()}", headers=admin)).json()
    assert (answer["partial"], answer["usage"], answer["billing"]) == (["billing", "usage"], None, None)
    assert answer["access"] == world.sources["access"].document


async def test_nobody_is_404(http: httpx2.AsyncClient, world: World, admin: dict[str, str]) -> None:
    world.sources["profile"].document = None
    assert refused(await http.get(f"/admin/v1/users/{uuid4()}", headers=admin)) == (404, "not_found")


async def test_roles_are_listed(http: httpx2.AsyncClient, admin: dict[str, str]) -> None:
    assert (await http.get("/admin/v1/roles", headers=admin)).json() == {
        "items": [
            {"code": "accountants", "permissions": ["billing.read"]},
            {"code": "admin", "permissions": ["users.read", "users.write"]},
        ]
    }
