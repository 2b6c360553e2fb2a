"""Limited routes over ASGI: whom they count, what they answer, what the contract says."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from limits import parse
from pydantic import BaseModel

from common_service.app import create_service_app
from common_service.client_address import client_address
from common_service.problems import Malformed, Problem, ProblemTable, RateLimited
from common_service.rate_limit import RateLimits, limited
from common_service.rate_windows import LocalWindows
from common_service.testing import ready

pytestmark = pytest.mark.anyio
ANN, BOB = str(uuid4()), str(uuid4())
RATES = {"kit.write": parse("2/minute"), "kit.read": parse("5/10 seconds"), "kit.both": parse("3/minute")}


class NotSignedIn(Exception):
    """Nobody."""


FACES = ProblemTable({NotSignedIn: Problem(401, "unauthenticated")})


@dataclass(frozen=True)
class Caller:
    user_id: UUID


class Body(BaseModel):
    number: int


async def signed_in(request: Request) -> Caller:
    if "x-user" not in request.headers:
        raise NotSignedIn
    return Caller(UUID(request.headers["x-user"]))


def routes(limits: RateLimits) -> APIRouter:
    router = APIRouter(prefix="/kit")
    mine, theirs = limits.per_user("kit.write", signed_in), limits.per_address("kit.read")

    @router.post("/write", status_code=201, dependencies=[mine], responses=limited(FACES.responses(RateLimited), 201))
    async def write(caller: Annotated[Caller, Depends(signed_in)], body: Body) -> dict[str, object]:
        if body.number < 0:
            raise Malformed
        return {"id": caller.user_id}

    @router.get("/read", dependencies=[theirs])
    async def read() -> Response:
        return StreamingResponse(iter([b"a", b"b"]))

    @router.get("/both", dependencies=[theirs, limits.per_user("kit.both", signed_in)])
    async def both() -> None: ...

    return router


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    limits = RateLimits(RATES, LocalWindows())
    app = create_service_app(title="kit", prefix="/kit", routers=[routes(limits)], problems=FACES, ready=ready)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kit") as client:
        yield client


async def write(http: httpx2.AsyncClient, user: str = ANN, number: object = 1) -> httpx2.Response:
    return await http.post("/kit/write", headers={"X-User": user}, json={"number": number})


def told(answer: httpx2.Response) -> Sequence[str | None]:
    return [answer.headers.get(f"ratelimit-{name}") for name in ("limit", "remaining", "reset", "policy")]


async def test_an_answer_says_what_is_left(http: httpx2.AsyncClient) -> None:
    assert told(await write(http)) == ["2", "1", "60", "2;w=60"]
    assert told(await write(http)) == ["2", "0", "60", "2;w=60"]


async def test_over_the_limit_there_is_a_problem_that_says_when(http: httpx2.AsyncClient) -> None:
    for _ in range(2):
        await write(http)
    answer = await write(http)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "60"
    assert told(answer) == ["2", "0", "60", "2;w=60"]


async def test_each_person_has_a_window(http: httpx2.AsyncClient) -> None:
    for _ in range(3):
        await write(http)
    assert (await write(http, BOB)).status_code == 201


async def test_nobody_is_refused_before_being_known_and_counts_nowhere(http: httpx2.AsyncClient) -> None:
    for _ in range(5):
        answer = await http.post("/kit/write", json={"number": 1})
        assert answer.status_code == 401
        assert told(answer) == [None] * 4
    assert told(await write(http))[1] == "1"


async def test_what_is_refused_later_counts_and_says_what_is_left(http: httpx2.AsyncClient) -> None:
    invalid, malformed = await write(http, number="x"), await write(http, number=-1)
    assert (invalid.status_code, told(invalid)[1]) == (422, "1")
    assert (malformed.status_code, told(malformed)[1]) == (400, "0")
    assert (await write(http, number="x")).status_code == 429  # the limit comes before validation


async def test_a_streamed_answer_carries_the_headers_too(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/kit/read")
    assert (answer.content, told(answer)) == (b"ab", ["5", "4", "10", "5;w=10"])


async def test_of_two_limits_the_tighter_is_told(http: httpx2.AsyncClient) -> None:
    answers = [await http.get("/kit/both", headers={"X-User": user}) for user in (ANN, ANN, BOB, BOB, BOB, BOB)]
    assert [told(answer)[1] for answer in answers] == ["2", "1", "2", "1", "0", "0"]
    assert [told(answer)[3] for answer in answers] == ["3;w=60"] * 2 + ["5;w=10"] * 4
    assert answers[-1].status_code == 429


async def test_an_address_is_what_the_load_balancer_saw_not_what_the_client_wrote(http: httpx2.AsyncClient) -> None:
    for number in range(5):
        forged = {"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.7"}
        assert (await http.get("/kit/read", headers=forged)).status_code == 200
    for named in ("192.0.2.1, 203.0.113.7", "203.0.113.7", "203.0.113.7:4711", "::ffff:203.0.113.7"):
        assert (await http.get("/kit/read", headers={"X-Forwarded-For": named})).status_code == 429
    assert (await http.get("/kit/read", headers={"X-Forwarded-For": "203.0.113.7, 203.0.113.8"})).status_code == 200


def from_(named: list[str], hops: int, peer: str | None = "10.0.0.9") -> str:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in named]
    return client_address(Request({"type": "http", "headers": headers, "client": peer and (peer, 1)}), hops)


@pytest.mark.parametrize(
    ("named", "hops", "address"),
    [
        ([], 1, "10.0.0.9"),
        (["203.0.113.7"], 1, "203.0.113.7"),
        (["198.51.100.1", "203.0.113.7"], 1, "203.0.113.7"),  # a second header of the same name follows the first
        (["198.51.100.1, 203.0.113.7, 10.1.1.1"], 2, "203.0.113.7"),
        (["203.0.113.7"], 2, "10.0.0.9"),  # did not come through both
        (["203.0.113.7:8080"], 1, "203.0.113.7"),
        (["2001:db8:1:2:3:4:5:6"], 1, "2001:db8:1:2::/64"),
        (["[2001:db8:1:2:ffff::1]:443"], 1, "2001:db8:1:2::/64"),
        (["2001:db8:1:2::%eth0"], 1, "2001:db8:1:2::/64"),
        (["somebody"], 1, "10.0.0.9"),
        (["203.0.113.7, "], 1, "10.0.0.9"),
        (["\xff"], 1, "10.0.0.9"),
    ],
)
async def test_whom_an_address_stands_for(named: list[str], hops: int, address: str) -> None:
    assert from_(named, hops) == address


async def test_without_a_peer_all_unknown_count_as_one() -> None:
    assert from_([], 1, None) == "unknown"


async def test_a_rule_that_the_settings_do_not_have_is_found_at_the_start() -> None:
    limits = RateLimits(RATES, LocalWindows())
    with pytest.raises(KeyError):
        limits.per_user("kit.wrote", signed_in)
    with pytest.raises(KeyError):
        limits.per_address("kit.wrote")


async def test_the_contract_names_refusal_and_headers(http: httpx2.AsyncClient) -> None:
    document = (await http.get("/kit/v1/openapi.json")).json()
    responses = document["paths"]["/kit/write"]["post"]["responses"]
    names = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy"}
    assert responses["201"]["headers"].keys() == names
    assert responses["429"]["headers"].keys() == {*names, "Retry-After"}
    assert "rate_limited" in responses["429"]["description"]


async def test_rules_of_the_same_rate_are_counted_apart() -> None:
    once, router = parse("1/minute"), APIRouter()
    limits = RateLimits({"kit.one": once, "kit.other": once}, LocalWindows())

    @router.get("/one", dependencies=[limits.per_user("kit.one", signed_in)])
    async def one() -> None: ...

    @router.get("/other", dependencies=[limits.per_user("kit.other", signed_in)])
    async def other() -> None: ...

    app = create_service_app(title="kit", prefix="/kit", routers=[router], problems=FACES, ready=ready)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kit") as client:
        asked = [await client.get(path, headers={"X-User": ANN}) for path in ("/one", "/other", "/one")]
    assert [answer.status_code for answer in asked] == [200, 200, 429]
