"""Which versions are the ones that a caller has, and which one a change is made to."""

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from common_service.conditional import IF_MATCH, conditional, holds, seen_version, tag
from common_service.problems import PreconditionRequired

pytestmark = pytest.mark.anyio


def asking(*tags: str) -> Request:
    headers = [(b"if-match", each.encode("latin-1")) for each in tags]
    return Request({"type": "http", "app": FastAPI(), "method": "PATCH", "path": "/", "headers": headers})


@pytest.mark.parametrize("named", ['"7"', '  "7"  ', '"7-latest"'])
async def test_a_change_is_made_to_the_version_that_it_names(named: str) -> None:
    assert await seen_version(asking(named)) == 7


async def test_a_change_that_names_no_version_is_asked_for_one() -> None:
    with pytest.raises(PreconditionRequired):
        await seen_version(asking())


@pytest.mark.parametrize(
    "named",
    ["7", 'W/"7"', "*", '"0"', '"-1"', '"x"', '"1", "2"', "", '"7', '"\xb2"', '"1000000000"', '"07"', '"7"\n"8"'],
)
async def test_a_change_to_anything_but_one_version_of_ours_is_a_fault_of_the_header(named: str) -> None:
    with pytest.raises(RequestValidationError) as caught:
        await seen_version(asking(named))
    assert caught.value.errors()[0]["loc"] == ("header", "If-Match")


async def test_two_headers_are_not_one_version() -> None:
    with pytest.raises(RequestValidationError):
        await seen_version(asking('"1"', '"1"'))


@pytest.mark.parametrize(
    "known", ['"7"', 'W/"7"', '"6", "7"', '"6",W/"7" ,"8"', "*", " * ", ', "7"', '"a,b", "7"', '"", "7"']
)
def test_who_has_the_version_is_spared_it(known: str) -> None:
    assert holds(known, "7")


@pytest.mark.parametrize(
    "known", [None, "", '"6"', "7", '"7', '7"', '"70"', '"a\\"7"', '"6" "7"', 'w/"7"', '"*"', '"7" and more', '*, "7"']
)
def test_who_names_another_version_or_none_gets_it_all(known: str | None) -> None:
    assert not holds(known, "7")


def test_a_long_list_of_tags_costs_no_more_than_its_length() -> None:
    assert not holds('"a", ' * 20_000 + "x", "7")


def test_an_answer_names_its_version_with_or_without_a_body() -> None:
    full = conditional({"a": 1}, "7", '"6"', "no-cache")
    assert (full.status_code, full.body, full.media_type) == (200, b'{"a":1}', "application/json")
    spared = conditional({"a": 1}, "7", 'W/"7"', "no-cache")
    assert (spared.status_code, spared.body) == (304, b"")
    for answer in (full, spared):
        assert (answer.headers["etag"], answer.headers["cache-control"]) == ('"7"', "no-cache")
    assert conditional(b'{"b":2}', "7", None).body == b'{"b":2}'


def test_a_version_as_a_tag_is_what_a_change_may_name() -> None:
    answer = Response()
    tag(answer, 12)
    assert answer.headers["etag"] == '"12"'
    assert IF_MATCH["parameters"][0]["required"]
