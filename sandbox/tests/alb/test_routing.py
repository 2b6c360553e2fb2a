"""The table of routes, on raw paths that a careless proxy would tidy up."""

from pathlib import Path

import orjson
import pytest

from sandbox.alb.rules import Rules, load_rules, parse_rules
from sandbox.alb.testing import World, running_platform
from sandbox.servers.errors import CannotStart

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/webhooks/stripe", "payment"),
        ("/payment/v1/plans?x=1&y=a+b%20c", "payment"),
        ("/story/v1/stories", "story"),
        ("/story/", "story"),
        ("/user/v1/me", "user"),
        ("/admin/v1/users/7", "admin"),
        ("/story/%2e%2e/internal/v1/settings", "story"),
        ("/story/../internal/v1/settings", "story"),
        ("/story/a%2Fb//c;d=%C3%A9", "story"),
        ("/user/v1/me?next=/internal/x", "user"),
        ("/story", "web"),
        ("/Story/v1/stories", "web"),
        ("//internal/v1/settings", "web"),
        ("/./internal/x", "web"),
        ("/%69nternal/x", "web"),
        ("/healthz-not", "web"),
        ("/assets/app.js", "web"),
    ],
)
async def test_a_raw_path_reaches_its_target_unchanged(platform: World, path: str, service: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: truecrime.test\r\nConnection: close\r\n\r\n"
    head, _, body = (await platform.raw(request.encode())).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    seen = orjson.loads(body)
    assert (seen["service"], seen["target"]) == (service, path)


@pytest.mark.parametrize("path", ["/internal/v1/access/7", "/internal/", "/internal/../story/v1/x"])
async def test_internal_routes_are_not_there(platform: World, path: str) -> None:
    answer = await platform.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"Server: awselb/2.0" in head
    assert orjson.loads(body)["code"] == "not_found"


async def test_an_absolute_target_is_matched_by_its_path(platform: World) -> None:
    answer = await platform.raw(
        b"GET http://truecrime.test/user/v1/me HTTP/1.1\r\nHost: truecrime.test\r\nConnection: close\r\n\r\n"
    )
    assert b'"target": "/user/v1/me"' in answer


async def test_without_a_web_app_the_default_is_a_404(rules: Rules) -> None:
    async with running_platform(rules, "user") as world, world.client.get(world.url("/healthz")) as answer:
        assert (answer.status, answer.content_type) == (404, "application/json")
        assert (await answer.json())["type"] == "urn:truecrime:problem:not-found"


async def test_a_rule_whose_target_is_not_set_answers_503(rules: Rules) -> None:
    async with running_platform(rules, "user") as world, world.client.get(world.url("/story/v1/x")) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")


async def test_every_rule_says_what_it_is_for_and_holds_one_pattern_that_aws_takes(rules: Rules) -> None:
    rows = rules.document["rules"]
    assert [row["priority"] for row in rows] == [10, 20, 30, 40, 50, 60]
    assert all(row["description"] and len(row["path_patterns"]) == 1 for row in rows)
    fixed = [row["action"] for row in [*rows, rules.document["default"]] if row["action"]["type"] == "fixed-response"]
    assert all(len(orjson.dumps(action["message_body"])) <= 1024 for action in fixed)
    assert rules.idle_timeout == 120


async def test_a_question_mark_is_one_letter_and_a_dot_is_a_dot(rules: Rules) -> None:
    rows = [{"priority": 5, "path_patterns": ["/a?.x/*"], "action": {"type": "forward", "target": "user"}}]
    changed = parse_rules({**rules.document, "rules": rows})
    outcomes = [changed.action_for(path) is changed.default for path in ("/ab.x/1", "/abb.x/1", "/abcx/1", "/a.x/1")]
    assert outcomes == [False, True, True, True]


async def test_a_rule_to_an_unknown_target_is_refused(rules: Rules) -> None:
    rows = [{"priority": 5, "path_patterns": ["/a/*"], "action": {"type": "forward", "target": "nobody"}}]
    with pytest.raises(ValueError, match="nobody"):
        parse_rules({**rules.document, "rules": rows})


async def test_a_missing_rules_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="cannot be read"):
        load_rules(tmp_path / "none.json")
