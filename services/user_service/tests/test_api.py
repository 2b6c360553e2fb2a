"""The service over ASGI: status, problem, auth; over memory and over Postgres."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from common_auth.errors import AUTH_PROBLEMS
from common_auth.testing import TestIssuer
from services.user_service.tests.conftest import SignedIn
from user_service.api.problems import PROBLEMS
from user_service.domain.errors import Refusal

pytestmark = pytest.mark.anyio


@pytest.fixture
def ann(issuer: TestIssuer) -> SignedIn:
    return SignedIn(issuer, uuid4(), "ann@truecrime.test")


@pytest.fixture
def service(issuer: TestIssuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.service('user/read')}"}


async def provisioned(http: httpx2.AsyncClient, person: SignedIn) -> dict[str, Any]:
    answer = await http.post("/user/v1/me", headers=person.headers, json=person.proof)
    assert answer.status_code == 201, answer.text
    profile: dict[str, Any] = answer.json()
    return profile


def refused(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_every_refusal_has_a_face() -> None:
    assert set(Refusal.__subclasses__()) <= set(PROBLEMS)
    assert not set(PROBLEMS) & set(AUTH_PROBLEMS)


async def test_the_first_post_answers_201_and_the_second_200(http: httpx2.AsyncClient, ann: SignedIn) -> None:
    profile = await provisioned(http, ann)
    again = await http.post("/user/v1/me", headers=ann.headers, json=ann.proof)
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, profile, '"1"')
    assert profile == {
        "id": str(ann.user_id),
        "username": "ann",
        "email": "ann@truecrime.test",
        "email_verified": True,
        "display_name": None,
        "locale": "en",
        "country": None,
        "status": "active",
        "consents": [],
        "version": 1,
        "created_at": "2026-11-21T12:00:00Z",
        "updated_at": "2026-11-21T12:00:00Z",
    }


async def test_the_proof_must_be_of_the_same_person(
    http: httpx2.AsyncClient, ann: SignedIn, issuer: TestIssuer
) -> None:
    bob = SignedIn(issuer, uuid4(), "bob@truecrime.test")
    for proof in (bob.proof, {"id_token": issuer.reader(ann.user_id)}, {"id_token": "a.b.c"}):
        answer = await http.post("/user/v1/me", headers=ann.headers, json=proof)
        assert refused(answer) == (422, "id_token_invalid")


@pytest.mark.parametrize("claims", [{"email": None}, {"email": "no address"}, {"email": "a\x00@b.c"}, {"exp": 1}])
async def test_an_id_token_without_an_address_or_life_is_refused(
    http: httpx2.AsyncClient, ann: SignedIn, issuer: TestIssuer, claims: dict[str, Any]
) -> None:
    token = issuer.identity(ann.user_id, "ann@truecrime.test", **{k: v for k, v in claims.items() if k != "email"})
    if "email" in claims:
        token = issuer.identity(ann.user_id, claims["email"])
    answer = await http.post("/user/v1/me", headers=ann.headers, json={"id_token": token})
    assert refused(answer) == (422, "id_token_invalid")


async def test_two_people_cannot_have_one_address(http: httpx2.AsyncClient, ann: SignedIn, issuer: TestIssuer) -> None:
    await provisioned(http, ann)
    twin = SignedIn(issuer, uuid4(), "ANN@truecrime.test")
    answer = await http.post("/user/v1/me", headers=twin.headers, json=twin.proof)
    assert refused(answer) == (409, "email_in_use")


async def test_before_the_first_post_there_is_nothing(http: httpx2.AsyncClient, ann: SignedIn) -> None:
    for path in ("/user/v1/me", "/user/v1/me/settings"):
        assert refused(await http.get(path, headers=ann.headers)) == (404, "not_provisioned")


async def test_an_edit_needs_the_version_that_was_read(http: httpx2.AsyncClient, ann: SignedIn) -> None:
    await provisioned(http, ann)
    edit = {"display_name": "Ann", "country": "GB"}
    assert refused(await http.patch("/user/v1/me", headers=ann.headers, json=edit)) == (428, "precondition_required")
    answer = await http.patch("/user/v1/me", headers=ann.headers | {"If-Match": '"1"'}, json=edit)
    assert (answer.status_code, answer.headers["etag"], answer.json()["display_name"]) == (200, '"2"', "Ann")
    stale = await http.patch("/user/v1/me", headers=ann.headers | {"If-Match": '"1"'}, json={"locale": "de"})
    assert refused(stale) == (412, "version_conflict")
    assert (await http.get("/user/v1/me", headers=ann.headers)).json() == answer.json()


@pytest.mark.parametrize("tag", ["1", 'W/"1"', "*", '"0"', '"one"', '"1", "2"', ""])
async def test_a_version_in_another_form_is_refused(http: httpx2.AsyncClient, ann: SignedIn, tag: str) -> None:
    answer = await http.patch("/user/v1/me", headers=ann.headers | {"If-Match": tag}, json={})
    assert refused(answer) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"] == "header/If-Match"


@pytest.mark.parametrize(
    "edit",
    [
        {"display_name": ""},
        {"display_name": " Ann"},
        {"display_name": "A\x00nn"},
        {"display_name": "A" * 81},
        {"display_name": 1},
        {"locale": None},
        {"locale": "EN"},
        {"country": "gb"},
        {"email": "other@truecrime.test"},
        [],
    ],
)
async def test_values_that_do_not_fit_are_refused(http: httpx2.AsyncClient, ann: SignedIn, edit: object) -> None:
    answer = await http.patch("/user/v1/me", headers=ann.headers | {"If-Match": '"1"'}, json=edit)
    assert refused(answer) == (422, "validation_failed")


async def test_settings_are_read_and_replaced(http: httpx2.AsyncClient, ann: SignedIn) -> None:
    await provisioned(http, ann)
    read = await http.get("/user/v1/me/settings", headers=ann.headers)
    assert (read.headers["etag"], read.json()["content_intensity"]) == ('"1"', 2)
    wanted = {"content_intensity": 0.0, "spoiler_safe": True, "prefs": {"theme": "dark", "size": 2, "motion": False}}
    assert refused(await http.put("/user/v1/me/settings", headers=ann.headers, json=wanted))[0] == 428
    tagged = ann.headers | {"If-Match": '"1"'}
    answer = await http.put("/user/v1/me/settings", headers=tagged, json=wanted)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert {name: answer.json()[name] for name in wanted} == wanted
    assert answer.json()["memory_enabled"] is True
    assert refused(await http.put("/user/v1/me/settings", headers=tagged, json={})) == (412, "version_conflict")


@pytest.mark.parametrize(
    "settings",
    [
        {"content_intensity": 4},
        {"content_intensity": True},
        {"content_intensity": 0.5},
        {"content_intensity": "2"},
        {"spoiler_safe": 1},
        {"prefs": {"Theme": "dark"}},
        {"prefs": {"theme": 0.5}},
        {"prefs": {"theme": "\x00"}},
        {"prefs": {f"n{n}": 1 for n in range(51)}},
        {"colour": "red"},
    ],
)
async def test_settings_that_do_not_fit_are_refused(
    http: httpx2.AsyncClient, ann: SignedIn, settings: dict[str, object]
) -> None:
    answer = await http.put("/user/v1/me/settings", headers=ann.headers | {"If-Match": '"1"'}, json=settings)
    assert refused(answer) == (422, "validation_failed")


async def test_a_consent_is_given_and_withdrawn(http: httpx2.AsyncClient, ann: SignedIn) -> None:
    await provisioned(http, ann)
    path = "/user/v1/me/consents/terms"
    given = await http.put(path, headers=ann.headers, json={"given": True, "version": "2026-11"})
    (consent,) = given.json()["consents"]
    assert (given.status_code, given.headers["etag"]) == (200, '"2"')
    assert (consent["kind"], consent["version"], consent["withdrawn_at"]) == ("terms", "2026-11", None)
    withdrawn = await http.put(path, headers=ann.headers, json={"given": False, "version": "2026-11"})
    assert withdrawn.json()["consents"][0]["withdrawn_at"] is not None
    unknown = await http.put("/user/v1/me/consents/soul", headers=ann.headers, json={"given": True, "version": "1"})
    assert refused(unknown) == (422, "validation_failed")


async def test_permissions_are_those_of_the_groups(http: httpx2.AsyncClient, ann: SignedIn, issuer: TestIssuer) -> None:
    path = "/user/v1/me/permissions"
    assert (await http.get(path, headers=ann.headers)).json() == {"roles": [], "permissions": []}
    boss = SignedIn(issuer, uuid4(), "boss@truecrime.test", groups=["admin", "reader"])
    answer = (await http.get(path, headers=boss.headers)).json()
    assert answer["roles"] == ["admin", "reader"]
    assert "users.read" in answer["permissions"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/user/v1/me"),
        ("GET", "/user/v1/me"),
        ("PATCH", "/user/v1/me"),
        ("GET", "/user/v1/me/settings"),
        ("PUT", "/user/v1/me/settings"),
        ("GET", "/user/v1/me/permissions"),
        ("PUT", "/user/v1/me/consents/terms"),
        ("GET", "/internal/v1/users"),
        ("GET", "/internal/v1/users/0199f0aa-0000-7000-8000-000000000001"),
    ],
)
async def test_nothing_is_done_without_a_token_that_holds(
    http: httpx2.AsyncClient, issuer: TestIssuer, method: str, path: str
) -> None:
    assert refused(await http.request(method, path)) == (401, "unauthenticated")
    for token, code in (("a.b.c", "token_invalid"), (issuer.reader(exp=1), "token_expired")):
        answer = await http.request(method, path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert answer.json()["code"] == (code if path.startswith("/user") else answer.json()["code"])


async def test_a_service_reads_a_profile(http: httpx2.AsyncClient, ann: SignedIn, service: dict[str, str]) -> None:
    profile = await provisioned(http, ann)
    answer = await http.get(f"/internal/v1/users/{ann.user_id}", headers=service)
    assert (answer.status_code, answer.json()) == (200, profile)
    assert refused(await http.get(f"/internal/v1/users/{uuid4()}", headers=service)) == (404, "not_found")


async def test_a_service_pages_through_profiles(
    http: httpx2.AsyncClient, issuer: TestIssuer, service: dict[str, str]
) -> None:
    people = [SignedIn(issuer, uuid4(), f"p{n}@truecrime.test") for n in range(5)]
    for person in people:
        await provisioned(http, person)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = (await http.get("/internal/v1/users", headers=service, params={"limit": 2, **cursor})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert page["next_cursor"] is None
    assert seen == sorted(str(person.user_id) for person in people)
    found = await http.get("/internal/v1/users", headers=service, params={"email": "P3@truecrime.test"})
    assert [item["id"] for item in found.json()["items"]] == [str(people[3].user_id)]
    forged = await http.get("/internal/v1/users", headers=service, params={"cursor": "x" * 40})
    assert refused(forged) == (422, "cursor_invalid")


async def test_the_admin_behind_a_service_is_verified_too(
    http: httpx2.AsyncClient, ann: SignedIn, issuer: TestIssuer, service: dict[str, str]
) -> None:
    await provisioned(http, ann)
    path = f"/internal/v1/users/{ann.user_id}"
    expected = {
        issuer.reader(groups=["admin"]): (200, None),
        issuer.reader(): (403, "forbidden"),
        issuer.reader(groups=["admin"], exp=1): (401, "token_expired"),
        "a.b.c": (401, "token_invalid"),
    }
    for token, (status, code) in expected.items():
        answer = await http.get(path, headers=service | {"X-Actor-Token": token})
        assert (answer.status_code, answer.json().get("code")) == (status, code)


async def test_a_service_without_the_scope_and_a_reader_are_turned_away(
    http: httpx2.AsyncClient, ann: SignedIn, issuer: TestIssuer
) -> None:
    other = {"Authorization": f"Bearer {issuer.service('payment/access')}"}
    assert refused(await http.get("/internal/v1/users", headers=other)) == (403, "forbidden")
    assert refused(await http.get("/internal/v1/users", headers=ann.headers)) == (401, "token_invalid")
