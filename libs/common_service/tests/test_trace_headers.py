"""What the headers of a trace say, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_service.trace_headers import XRayHeader, as_headers, traceparent_of, with_trace_ids

TRACE, SPAN = "6745d1a84bf92f3577b34da6a3ce929d", "00f067aa0ba902b7"
ROOT = f"Root=1-{TRACE[:8]}-{TRACE[8:]}"
W3C = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("given", "parent", "sampled"),
    [
        (ROOT, None, None),
        (f"Self=1-6745d1a9-12456789abcdef012345678;{ROOT}", None, None),
        (f"{ROOT};Parent={SPAN}", SPAN, None),
        (f"{ROOT};Parent={SPAN};Sampled=?", SPAN, None),
        (f"{ROOT};Parent={SPAN};Sampled=0", SPAN, False),
        (f"{ROOT};Parent={SPAN};Sampled=1;Lineage=a87bd80c:1|68fd508a:5|c512fbe3:2", SPAN, True),
        (f"Sampled=1;Parent={SPAN}; {ROOT} ;Self=x;Foo=;bar;", SPAN, True),
        (f"{ROOT};Sampled=1;CalledFrom=app", None, True),
    ],
)
def test_x_rays_header(given: str, parent: str | None, sampled: bool | None) -> None:
    assert XRayHeader.of(given.encode()) == XRayHeader(TRACE, parent, sampled)


@pytest.mark.parametrize(
    "given",
    ["", "Root=", ROOT.upper(), ROOT + "0", f"{ROOT};Sampled=2", f"{ROOT};Parent=x",
     f"Root=1-{'0' * 8}-{'0' * 24}", f"Root=2-{TRACE[:8]}-{TRACE[8:]}", f"{ROOT};Parent={'0' * 16}",
     f"{ROOT};" + "a=b;" * 5000],
)  # fmt: skip
def test_what_is_no_x_ray_header(given: str) -> None:
    assert XRayHeader.of(given.encode()) is None


@given(st.binary(max_size=200))
def test_no_header_fails(raw: bytes) -> None:
    found = traceparent_of(raw, raw)
    assert found is None or as_headers(found)["traceparent"] == found


def test_w3c_goes_before_the_load_balancer_and_either_may_be_missing() -> None:
    other = b"Root=1-00000001-000000000000000000000002"
    assert traceparent_of(W3C.encode(), other) == W3C
    assert traceparent_of(b"nonsense", ROOT.encode()) == f"00-{TRACE}-{TRACE[-16:]}-00"
    assert traceparent_of(b"", f"{ROOT};Parent={SPAN};Sampled=1".encode()) == W3C
    assert traceparent_of(b"", b"") is None
    assert traceparent_of(f"00-{'0' * 32}-{SPAN}-01".encode(), b"") is None
    assert traceparent_of(f"00-{TRACE}-{'0' * 16}-01".encode(), b"") is None


def test_both_headers_are_passed_on() -> None:
    assert as_headers(W3C) == {"traceparent": W3C, "X-Amzn-Trace-Id": f"{ROOT};Parent={SPAN};Sampled=1"}


def test_a_log_line_has_the_ids_apart() -> None:
    assert with_trace_ids({"a": 1, "traceparent": W3C}) == {"a": 1, "trace_id": TRACE, "span_id": SPAN}
    for line in ({"a": 1}, {"traceparent": "odd"}, {"traceparent": None}):
        assert with_trace_ids(line) == line
