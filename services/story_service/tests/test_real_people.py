"""The rule against characters that are real people: what it refuses, and what it lets pass."""

import pytest

from services.story_service.tests.memory_characters import investigators
from story_service.domain.real_people import is_real_person


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Jeffrey Dahmer", ""),
        ("Mr. J\u00e9ffrey D\u00e0hmer", ""),
        ("J\u0435ffrey Dahm\u0435r", ""),
        ("T3d Bundy", ""),
        ("The Visitor", "In truth he is Charles Manson."),
        ("Ada", "A real person from my street."),
        ("Ada", "Based on the true killer."),
        ("Ada", "Ada Quill (1931\u20131988) was a nurse."),
        ("Ada", "See https://example.org/ada"),
        ("Ada", "Modelled on my neighbour."),
    ],
)
def test_the_rule_refuses_who_says_to_be_real_and_who_is_asked_for_most(name: str, words: str) -> None:
    assert is_real_person(name, f"{name}\n{words}")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Ted Bundle", "Really likes true crime. Born in a storm."),
        ("Ada Quill", "Not a real person: an invention, and she isn't a real person in her own eyes."),
        ("Ada Quill", "Her boss whistles. Room 1950. Actual evidence (three stairs)."),
        ("Manson Charles Dahmer-Jeffries", "A rose, and west of the harbour."),
    ],
)
def test_the_rule_lets_inventions_pass(name: str, words: str) -> None:
    assert not is_real_person(name, f"{name}\n{words}")


def test_the_investigators_of_the_house_keep_the_rule() -> None:
    assert not [one for one in investigators() if is_real_person(one.persona.name, one.persona.text)]
