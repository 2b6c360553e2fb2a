"""Nested form parameters, as SDKs and curl write them, and what is refused."""

import pytest

from sandbox.stripe import params
from sandbox.stripe.errors import ApiError


@pytest.mark.parametrize(
    ("encoded", "tree"),
    [
        (b"", {}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a[b][c]=x", {"a": {"b": {"c": "x"}}}),
        (b"items[0][price]=p&items[0][quantity]=1", {"items": [{"price": "p", "quantity": "1"}]}),
        (b"expand[]=customer&expand[]=items", {"expand": ["customer", "items"]}),
        (b"expand[1]=second&expand[0]=first", {"expand": ["first", "second"]}),
        (b"email=a%2Bb%40case.test&name=", {"email": "a+b@case.test", "name": ""}),
    ],
)
def test_nested_keys_become_hashes_and_arrays(encoded: bytes, tree: object) -> None:
    assert params.parse(encoded) == tree


@pytest.mark.parametrize(
    "encoded", [b"a[b=1", b"[a]=1", b"a]b=1", b"a=%FF%FE", b"a=1&a[b]=2", b"&".join([b"a=1"] * 1001)]
)
def test_what_cannot_be_read_is_refused(encoded: bytes) -> None:
    with pytest.raises(ApiError):
        params.parse(encoded)


@pytest.mark.parametrize(
    ("tree", "code", "param"),
    [
        ({"price": "p", "colour": "red"}, "parameter_unknown", "items[0][colour]"),
        ({"quantity": "1"}, "parameter_missing", "items[0][price]"),
        ({"price": ""}, "parameter_invalid_empty", "items[0][price]"),
        ({"price": "p", "quantity": "one"}, "parameter_invalid_integer", "items[0][quantity]"),
        ({"price": ["p"]}, None, "items[0][price]"),
        ("p", None, "items[0]"),
    ],
)
def test_a_wrong_parameter_is_named(tree: object, code: str | None, param: str) -> None:
    line = params.group({"price": params.Required(params.text), "quantity": params.integer})
    with pytest.raises(ApiError) as refused:
        params.read({"items": [tree]}, {"items": params.each(line)})
    assert (refused.value.code, refused.value.param) == (code, param)


def test_metadata_is_merged_and_empty_values_unset() -> None:
    old = {"user": "1", "plan": "pro"}
    assert params.with_metadata(old, {"plan": "", "from": "web"}) == {"user": "1", "from": "web"}
    assert params.with_metadata(old, None) == {}


@pytest.mark.parametrize(
    "change", [{"k" * 41: "v"}, {"k": "v" * 501}, {str(n) + "k": "v" for n in range(51)}, {"k": {}}]
)
def test_metadata_has_limits(change: object) -> None:
    with pytest.raises(ApiError):
        params.metadata(change, "metadata")
