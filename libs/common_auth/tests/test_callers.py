"""Who may pass: strict headers, permissions from groups, services with the admin behind them."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import APIRouter, Depends
from structlog.testing import capture_logs

from common_auth.callers import Callers, Person, ServiceCaller
from common_auth.errors import AUTH_PROBLEMS, TokenExpired, TokenInvalid, Unauthenticated
from common_auth.testing import ISSUER, SERVICE_CLIENT, WEB_CLIENT, TestIssuer
from common_auth.tokens import TokenVerifier
from common_service.app import create_service_app
from common_service.problems import ProblemTable
from common_service.testing import FixedClock

pytestmark = pytest.mark.anyio
USER = uuid4()
PERMISSIONS = {"admin": frozenset({"users.read", "users.write"}), "support": frozenset({"users.read"})}


@pytest.fixture
async def http(issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    people = TokenVerifier(issuer, issuer=ISSUER, clients=frozenset({WEB_CLIENT}), now=issuer.now)
    services = TokenVerifier(issuer, issuer=ISSUER, clients=frozenset({SERVICE_CLIENT}), now=issuer.now)
    callers = Callers(people, services, PERMISSIONS)
    routes = APIRouter()

    @routes.get("/reader")
    async def reader(person: Annotated[Person, Depends(callers.reader)]) -> UUID:
        return person.user_id

    @routes.get("/admin")
    async def admin(person: Annotated[Person, Depends(callers.admin("users.write"))]) -> list[str]:
        return sorted(person.permissions)

    @routes.get("/service")
    async def service(caller: Annotated[ServiceCaller, Depends(callers.service("story/admin"))]) -> str:
        return caller.client_id

    @routes.get("/acting")
    async def acting(
        caller: Annotated[ServiceCaller, Depends(callers.service("story/admin", acting="users.write"))],
    ) -> UUID:
        assert caller.actor is not None
        return caller.actor.user_id

    async def ready() -> None: ...

    app = create_service_app(
        title="kit", prefix="/kit", routers=[routes], problems=ProblemTable(AUTH_PROBLEMS), ready=ready
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kit") as client:
        yield client


def seen(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else "ok"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_reader_passes(http: httpx2.AsyncClient, issuer: TestIssuer, scheme: str) -> None:
    answer = await http.get("/reader", headers={"Authorization": f"{scheme} {issuer.reader(USER)}"})
    assert (answer.status_code, answer.json()) == (200, str(USER))


async def test_no_header_asks_to_sign_in(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/reader")
    assert seen(answer) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "form",
    ["", "Bearer", "Bearer ", "{0}", "Basic {0}", "Bearer  {0}", "Bearer\t{0}", "Bearer {0} ,", "Bearer {0},{0}",
     "Bearer {0} {0}", "Bearer {0};x", "Bearer, {0}", "Bearer={0}", "Bearer Bearer {0}", "BearerX {0}", "Token {0}",
     'Bearer "{0}"', "Bearer \xa0{0}", "Bearer\xa0{0}", "Bearer {0}\xa0", "Bearer token={0}"],
)  # fmt: skip
async def test_headers_with_tricks_are_refused(http: httpx2.AsyncClient, issuer: TestIssuer, form: str) -> None:
    value = form.format(issuer.reader(USER)).encode("latin-1")
    assert seen(await http.get("/reader", headers={b"Authorization": value})) == (401, "token_invalid")


async def test_two_headers_are_refused_even_when_both_are_good(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    one = ("Authorization", f"Bearer {issuer.reader(USER)}")
    assert seen(await http.get("/reader", headers=[one, one])) == (401, "token_invalid")


@pytest.mark.parametrize("place", ["?access_token={0}", "?token={0}"])
async def test_a_token_elsewhere_than_in_the_header_is_none(
    http: httpx2.AsyncClient, issuer: TestIssuer, place: str
) -> None:
    token = issuer.reader(USER)
    answer = await http.get("/reader" + place.format(token), headers={"Cookie": f"access_token={token}"})
    assert seen(answer) == (401, "unauthenticated")


async def test_permissions_come_from_groups_and_from_nothing_else(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    async def ask(**claims: Any) -> tuple[int, str]:
        return seen(await http.get("/admin", headers={"Authorization": f"Bearer {issuer.reader(USER, **claims)}"}))

    assert await ask(groups=["admin"]) == (200, "ok")
    assert await ask(groups=["reader", "support", "admin"]) == (200, "ok")
    for claims in (
        {},
        {"groups": ["support"]},
        {"groups": ["Admin"]},
        {"groups": ["admin "]},
        {"groups": ["users.write"]},
        {"scope": "users.write admin"},
        {"custom:role": "admin", "permissions": ["users.write"]},
        {"username": "admin"},
    ):
        assert await ask(**claims) == (403, "forbidden")


async def test_services_and_people_do_not_pass_for_one_another(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    service = {"Authorization": f"Bearer {issuer.service('story/admin')}"}
    person = {"Authorization": f"Bearer {issuer.reader(USER, groups=['admin'], scope='story/admin')}"}
    assert seen(await http.get("/service", headers=service)) == (200, "ok")
    assert seen(await http.get("/service", headers=person)) == (401, "token_invalid")
    for path in ("/reader", "/admin"):
        assert seen(await http.get(path, headers=service)) == (401, "token_invalid")


@pytest.mark.parametrize("scopes", [[], ["story"], ["story/administer"], ["user/read"], ["STORY/ADMIN"]])
async def test_a_service_without_the_scope_is_forbidden(
    http: httpx2.AsyncClient, issuer: TestIssuer, scopes: list[str]
) -> None:
    header = {"Authorization": f"Bearer {issuer.service(*scopes)}"}
    answer = await http.get("/service", headers=header)
    assert seen(answer) == (403, "forbidden")
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    assert answer.json()["detail"] == "You may not do this."


async def test_an_acting_admin_is_verified_again(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    service = ("Authorization", f"Bearer {issuer.service('story/admin')}")
    admin, reader = issuer.reader(USER, groups=["admin"]), issuer.reader(USER)

    async def ask(*actors: str) -> tuple[int, str]:
        headers = [service, *(("X-Actor-Token", actor) for actor in actors)]
        return seen(await http.get("/acting", headers=headers))

    assert await ask(admin) == (200, "ok")
    assert await ask() == (401, "unauthenticated")
    assert await ask(admin, admin) == (401, "unauthenticated")
    assert await ask(reader) == (403, "forbidden")
    for odd in ("", "x", f"Bearer {admin}", f"{admin} ", issuer.service("users.write"), admin[:-4]):
        status, _ = await ask(odd)
        assert status in ({401} if odd != f"{admin} " else {200, 401})


async def test_a_refusal_names_what_would_be_enough(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    reader = f"Bearer {issuer.reader(USER)}"
    without_scope, service = (f"Bearer {issuer.service(scope)}" for scope in ("user/read", "story/admin"))
    acting = {"Authorization": service, "X-Actor-Token": issuer.reader(USER)}
    asked = [("/admin", {"Authorization": reader}), ("/service", {"Authorization": without_scope}), ("/acting", acting)]
    needs = [(await http.get(path, headers=headers)).json()["needs"] for path, headers in asked]
    assert needs == ["users.write", "story/admin", "users.write"]


async def test_an_identity_token_belongs_to_its_subject_and_client() -> None:
    clock = FixedClock()
    issuer = TestIssuer(now=clock)
    verifier = TokenVerifier(issuer, issuer=ISSUER, clients=frozenset({WEB_CLIENT}), now=clock)
    good = issuer.identity(USER, "reader@truecrime.test")
    assert (await verifier.identity(good, subject=str(USER)))["email"] == "reader@truecrime.test"
    wrong: list[dict[str, Any]] = [{"aud": "x"}, {"aud": [WEB_CLIENT]}, {"aud": None}, {"token_use": "access"}]
    for claims in wrong:
        with pytest.raises(TokenInvalid):
            await verifier.identity(issuer.identity(USER, "a@b.test", **claims), subject=str(USER))
    with pytest.raises(TokenInvalid):
        await verifier.identity(good, subject=str(uuid4()))
    clock.advance(hours=2)
    with pytest.raises(TokenExpired):
        await verifier.identity(good, subject=str(USER))


async def test_neither_repr_nor_log_holds_the_token(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    token = issuer.reader(USER)
    assert token not in repr(Person(USER, "x", (), frozenset(), token))
    with capture_logs() as lines:
        await http.get("/reader", headers={"Authorization": f"Bearer {token}"})
        await http.get("/reader", headers={"Authorization": f"Bearer {token}x"})
    assert token not in str(lines)


def test_every_refusal_has_a_face() -> None:
    assert set(Unauthenticated.__subclasses__()) <= set(AUTH_PROBLEMS)
