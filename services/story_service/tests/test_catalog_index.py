"""The completion of titles, held against a search that looks at every title and tries every edit."""

import os
from collections.abc import Sequence
from functools import cache
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from story_service.domain.catalog.best import Best, levels_of
from story_service.domain.catalog.entry import CatalogEntry, EntryType
from story_service.domain.catalog.folding import fold, key_of, typed
from story_service.domain.catalog.index import CatalogIndex, packed

EXAMPLES = int(os.environ.get("EXAMPLES", "30"))
LETTERS = "abcé ж"
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789ж "
TITLES = st.lists(st.tuples(st.text(LETTERS, min_size=1, max_size=8), st.integers(0, 5)), max_size=60)


def entries(titles: Sequence[tuple[str, int]], first: int = 1) -> list[CatalogEntry]:
    return [
        CatalogEntry(EntryType.TITLE, UUID(int=number), title, popularity=popularity)
        for number, (title, popularity) in enumerate(titles, first)
        if key_of(title)
    ]


@cache
def with_a_typo(text: str) -> frozenset[str]:
    """Return everything that becomes `text` by one typo, or is it: every edit at every place."""
    cuts = [(text[:at], text[at:]) for at in range(len(text) + 1)]
    made = {left + letter + right for left, right in cuts for letter in ALPHABET}
    made |= {left + letter + right[1:] for left, right in cuts if right for letter in ALPHABET}
    made |= {left + right[1:] for left, right in cuts if right}
    made |= {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
    return frozenset(made | {text})


def begins_near(key: str, wanted: str) -> bool:
    return any(key[:length] in with_a_typo(wanted) for length in range(len(wanted) - 1, len(wanted) + 2))


def ids(found: Sequence[CatalogEntry]) -> list[int]:
    return [one.id.int for one in sorted(found, key=lambda one: (one.popularity, one.id), reverse=True)]


def slowly(known: Sequence[CatalogEntry], wanted: str, most: int) -> list[int]:
    """Say what has to be found, by looking at everything."""
    tests = ((str.__eq__, str.startswith), (lambda key, word: key in with_a_typo(word), begins_near))
    for is_it, fits in tests[: 2 if len(wanted) >= 3 else 1]:
        whole = ids([one for one in known if is_it(one.key, wanted)])
        longer = ids([one for one in known if fits(one.key, wanted)])
        found = [*whole, *(one for one in longer if one not in whole)][:most]
        if " " not in wanted:
            later = ids([one for one in known if any(fits(word, wanted) for word in one.key.split())])
            found = [*found, *(one for one in later if one not in found)][:most]
        if found:
            return found
    return []


@settings(max_examples=EXAMPLES * 5, deadline=None)
@given(TITLES, st.text("abcж ", min_size=1, max_size=7).map(fold).filter(bool), st.integers(1, 10))
def test_completions_are_those_of_a_search_through_everything(
    titles: list[tuple[str, int]], wanted: str, most: int
) -> None:
    known = entries(titles)
    found = CatalogIndex(packed(known)).complete(wanted, most)
    assert [hit.id.int for hit in found] == slowly(known, wanted, most)


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(TITLES, TITLES, st.sets(st.integers(1, 30)), st.text("abcж", min_size=1, max_size=5).map(fold))
def test_what_came_changed_or_went_since_the_packing_counts(
    titles: list[tuple[str, int]], later: list[tuple[str, int]], gone: set[int], wanted: str
) -> None:
    recent = [one for one in entries(later, 21) if one.id.int not in gone]
    changed = gone | {one.id.int for one in recent}
    before = entries(titles)
    index = CatalogIndex(packed(before), packed(recent), frozenset(UUID(int=one).bytes for one in changed))
    known = [one for one in before if one.id.int not in changed] + recent
    assert [hit.id.int for hit in index.complete(wanted, 10)] == slowly(known, wanted, 10)


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(st.lists(st.integers(0, 10_000), max_size=1500), st.data())
def test_the_best_of_a_stretch_are_its_lowest(ranks: list[int], data: st.DataObject) -> None:
    low = data.draw(st.integers(0, len(ranks)))
    high = data.draw(st.integers(low, len(ranks)))
    assert Best(ranks, levels_of(ranks)).among(low, high) == sorted(ranks[low:high])[:16]


def test_many_titles_with_the_same_beginning_are_told_apart() -> None:
    known = entries([(f"the case {number % 97} of {number}", number % 11) for number in range(6000)])
    index = CatalogIndex(packed(known))
    for wanted in ("th", "the case 9", "case", "teh case 12 o", "the cse 50 of 5", "he case 7", "the case 96 of 5916"):
        assert [hit.id.int for hit in index.complete(wanted, 10)] == slowly(known, wanted, 10), wanted


def test_words_are_mended_where_no_title_has_them() -> None:
    index = CatalogIndex(packed(entries([("The Last Ferry", 1), ("The Ferry", 1), ("A Fern", 9), ("Fer", 1)])))
    assert index.words_near("ferry") == ["ferry"]
    assert index.words_near("fery") == ["ferry", "fer", "fern"]
    assert index.words_near("frery") == ["ferry"]
    assert index.words_near("zzz") == ["zzz"]


def test_case_accents_and_punctuation_make_no_difference() -> None:
    assert key_of("  L'Été  meurtrier: Żółć & Ørsted ") == "lete meurtrier zolc orsted"
    assert typed("The L") == "the l"
    assert typed("THE ") == "the "
    assert typed("?! ") == ""
    assert len(key_of("x" * 500)) == 200
