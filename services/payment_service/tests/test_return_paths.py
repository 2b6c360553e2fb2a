"""Return paths: nothing that a browser could take for another site."""

import pytest

from payment_service.domain.errors import ReturnPathNotAllowed
from payment_service.domain.return_paths import ReturnPaths


@pytest.mark.parametrize("path", ["/", "/stories", "/stories/1?page=2", "/a%20b".replace("%20", "-")])
def test_paths_of_ours_are_let_through(path: str) -> None:
    ReturnPaths(["/"]).check(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "stories",
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "/%2f/evil.test",
        "/%5cevil.test",
        "/a/../../b",
        "/%2e%2e/b",
        "/a\nb",
        "/a%0d%0aSet-Cookie:x",
        "/a#b",
        "/a b",
    ],
)
def test_paths_that_lead_out_are_refused(path: str) -> None:
    with pytest.raises(ReturnPathNotAllowed):
        ReturnPaths(["/"]).check(path)


def test_a_prefix_allows_itself_and_what_lies_below() -> None:
    paths = ReturnPaths(["/billing", "/stories/"])
    for allowed in ("/billing", "/billing?x=1", "/billing/done", "/stories/1"):
        paths.check(allowed)
    for refused in ("/", "/billings", "/other"):
        with pytest.raises(ReturnPathNotAllowed):
            paths.check(refused)
