"""The prose is whole, varied, as long as asked for, and about what the prompt names."""

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.openai import tokens
from sandbox.openai.prose.brief import Brief, read_brief
from sandbox.openai.prose.engine import compose, story_of
from sandbox.openai.prose.material import paragraphs
from sandbox.openai.prose.plan import TOLD


def told(prompt: str, instructions: str = "", budget: int | None = None) -> str:
    everything = f"{instructions}\n{prompt}"
    return compose(read_brief(prompt, everything, everything, budget_words=budget, is_reply=False))


@pytest.mark.parametrize("words", [150, 300, 600, 1200, 2500, 4000])
def test_a_story_is_as_long_as_asked_for(words: int) -> None:
    lengths = [len(story_of(Brief(key=f"{words} {n}", words=words)).split()) / words for n in range(30)]
    assert all(0.85 <= length <= 1.25 for length in lengths)
    assert 0.95 <= sum(lengths) / len(lengths) <= 1.1


def test_every_slot_is_filled_and_no_mark_is_left() -> None:
    for n in range(60):
        story = story_of(Brief(key=str(n), words=1500))
        assert not re.search(r"[{}\[\]|#~]|,[,.;]|\.\.| [,.]|\u201c\s|\"", story), story


def test_quotes_open_and_close_in_turn() -> None:
    for n in range(60):
        for paragraph in story_of(Brief(key=str(n), words=1500)).split("\n\n"):
            assert re.sub(r"[^\u201c\u201d]", "", paragraph).replace("\u201c\u201d", "") == "", paragraph


def test_no_two_paragraphs_of_a_story_are_alike() -> None:
    for n in range(20):
        members = [set(part.split()) for part in story_of(Brief(key=str(n), words=3000)).split("\n\n")]
        assert max(len(a & b) / min(len(a), len(b)) for a, b in combinations(members, 2)) < 0.7


def test_prompts_that_differ_tell_different_stories() -> None:
    stories = [told(f"A true crime story number {n}") for n in range(40)]
    openings = {story.split("\n\n")[0] for story in stories}
    assert len(openings) >= 35
    assert told("A true crime story number 1") == stories[1]


def test_names_and_setting_of_the_prompt_are_followed() -> None:
    story = told(
        "Write a true crime story of 900 words about the murder of Clara Voss, a jazz pianist, at the old theatre in "
        "Whitby in the winter of 1962. Detective Amos Reed investigates; the killer is Piers Moore. She was poisoned."
    )
    for name in ("Clara Voss", "Detective Amos Reed", "Piers Moore", "Whitby", "theatre"):
        assert name in story
    assert "Moore" in story.partition("Piers Moore")[2]


def test_a_title_stands_first_only_where_asked_for() -> None:
    with_title = told("A story of 300 words.", "Begin with a title on the first line.").split("\n")
    assert len(with_title[0].split()) <= 12
    assert not with_title[0].endswith(".")
    assert with_title[1] == ""
    assert told("A story of 300 words. No title.").split("\n")[0].endswith((".", "\u201d", "?"))


def test_an_unsolved_case_has_no_verdict() -> None:
    for n in range(20):
        story = told(f"An unsolved case, number {n}, in 2000 words")
        assert "jury" not in story
        assert "foreman" not in story


def test_a_short_form_is_short() -> None:
    assert len(told("Write a synopsis of the case of Ada Brook").split()) < 80
    assert "\n" not in told("Suggest a title for my story")
    reply = read_brief("Who did it?", "Who did it?", "k", budget_words=None, is_reply=True)
    assert 20 < len(compose(reply).split()) < 80


def test_a_leak_for_tests_of_output_moderation() -> None:
    assert "[[unsafe:violence/graphic]]" in told("A story of 200 words [[leak:violence/graphic]]")


def test_every_beat_has_material() -> None:
    assert set(TOLD) | {"reply", "synopsis"} == set(paragraphs())
    needed = {need for beat in paragraphs().values() for paragraph in beat for need in paragraph.needs}
    given_ = {label for beat in paragraphs().values() for paragraph in beat for label in paragraph.gives}
    assert needed <= given_


@given(st.text(max_size=400))
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokens.split(text)) == text


@given(st.text(max_size=400))
def test_any_prompt_gets_an_answer(prompt: str) -> None:
    assert told(prompt, budget=200)


def test_a_token_is_about_four_letters() -> None:
    text = story_of(Brief(key="k", words=2000))
    assert 3.3 <= len(text) / tokens.count(text) <= 5.0


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a story, 1,200 words", 1200),
        ("between 400-600 words please", 500),
        ("a 750-word story", 750),
        ('{"premise": "a death in fog", "words": 350}', 350),
        ("tell it in three paragraphs", 180),
        ("a short story", 400),
        ("a story", 600),
    ],
)
def test_lengths_are_read_in_many_forms(prompt: str, words: int) -> None:
    assert read_brief(prompt, prompt, "k", budget_words=None, is_reply=False).words == words


def test_a_name_beside_a_trade_is_the_victim() -> None:
    prompt = "A small-town baker, Tom Hale, is found dead in New Orleans. The killer is Dr. Ines Roth."
    brief = read_brief(prompt, prompt, "k", budget_words=None, is_reply=False)
    assert (brief.victim, brief.culprit, brief.town) == ("Tom Hale", "Dr. Ines Roth", "New Orleans")
    assert "Tom Hale" in compose(brief)


@pytest.mark.parametrize("words", [1, 2, 10, 25])
def test_very_few_words_still_say_something(words: int) -> None:
    for n in range(20):
        assert story_of(Brief(key=str(n), words=words, leak="hate"))
