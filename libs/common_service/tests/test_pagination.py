"""Cursors that only this service can make."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_service.pagination import Cursors
from common_service.problems import BadCursor

CURSORS = Cursors("a secret of sixteen")


@given(st.dictionaries(st.text(max_size=10), st.integers(-(2**53), 2**53) | st.text(max_size=20), max_size=4))
def test_a_position_comes_back_as_it_was(position: dict[str, int | str]) -> None:
    assert CURSORS.read(CURSORS.make(position)) == position


def test_no_cursor_is_the_first_page() -> None:
    assert CURSORS.read(None) is None


def test_any_change_of_any_character_is_refused() -> None:
    cursor = CURSORS.make({"at": "2026-11-21T12:00:00Z", "id": 7})
    for place in range(len(cursor)):
        for letter in "Aa9_-":
            if letter != cursor[place]:
                with pytest.raises(BadCursor):
                    CURSORS.read(cursor[:place] + letter + cursor[place + 1 :])


@pytest.mark.parametrize("cursor", ["", "a", "====", "!!!!", "ä", "\ud800", "x" * 1000, "-" * 22])
def test_what_was_never_a_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        CURSORS.read(cursor)


def test_decorated_shortened_and_foreign_cursors_are_refused() -> None:
    cursor = CURSORS.make({"id": 7})
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    plain = base64.urlsafe_b64encode(b"\0" * 16 + raw[16:]).decode().rstrip("=")
    for wrong in (
        cursor + "=",
        cursor + "!",
        "\n" + cursor,
        cursor[:-1],
        plain,
        Cursors("another secret!!").make({"id": 7}),
    ):
        with pytest.raises(BadCursor):
            CURSORS.read(wrong)


def test_a_cursor_of_one_list_does_not_fit_another() -> None:
    cursor = CURSORS.make({"id": 7}, of="stories")
    assert CURSORS.read(cursor, of="stories") == {"id": 7}
    for other in ("", "users"):
        with pytest.raises(BadCursor):
            CURSORS.read(cursor, of=other)
