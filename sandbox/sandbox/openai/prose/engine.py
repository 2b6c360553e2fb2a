"""Text for a brief: the same brief always gives the same text. A generator of prose, not a model."""

import functools
from random import Random

from sandbox.openai.prose import pools
from sandbox.openai.prose.brief import Brief
from sandbox.openai.prose.casting import Case, cast
from sandbox.openai.prose.material import paragraphs
from sandbox.openai.prose.plan import choose
from sandbox.openai.prose.telling import Telling

_SMALL = frozenset(["a", "an", "and", "at", "in", "of", "on", "past", "the", "to", "with"])


@functools.lru_cache(maxsize=512)
def compose(brief: Brief) -> str:
    match brief.form:
        case "title":
            return title_of(brief)
        case "reply":
            return _one_of("reply", brief)
        case "synopsis":
            return _one_of("synopsis", brief)
        case _:
            return story_of(brief)


def story_of(brief: Brief) -> str:
    case, rng = cast(brief), Random(f"telling {brief.key}")
    telling = Telling(case, rng)
    told = [telling.tell(template) for template in choose(case, brief.words, rng)]
    if brief.leak:
        told[len(told) // 2] += "".join(f" [[unsafe:{category}]]" for category in brief.leak.split())
    head = [title_of(brief)] if brief.has_title else []
    return "\n\n".join([*head, *told])


def title_of(brief: Brief) -> str:
    case = cast(brief)
    pattern = Random(f"title {brief.key}").choice(pools.TITLES)
    words = {
        "{Object.s}": case.mentions["object"].short,
        "{Place}": case.mentions["place"].short,
        "{Hour}": case.facts["hour"],
        **{f"{{{name}}}": case.facts[name] for name in ("river", "town", "day", "street")},
    }
    for slot, value in words.items():
        pattern = pattern.replace(slot, value)
    return _titled(pattern)


def sentence_of(brief: Brief) -> str:
    """One sentence about the same case, for the short fields of a structured answer."""
    return _one_of("synopsis", brief).split(". ")[0].rstrip(".") + "."


def person_of(brief: Brief, salt: str) -> str:
    """A name from the case: the first asked for is the victim's."""
    case = cast(brief)
    return case.mentions[Random(f"{salt} {brief.key}").choice("vdwc")].full


def town_of(brief: Brief) -> str:
    return cast(brief).facts["town"]


def _one_of(beat: str, brief: Brief) -> str:
    case: Case = cast(brief)
    rng = Random(f"{beat} {brief.key}")
    return Telling(case, rng).tell(rng.choice(paragraphs()[beat]).text)


def _titled(text: str) -> str:
    words = text.split(" ")
    return " ".join(
        word if at and word.lower() in _SMALL else word[:1].upper() + word[1:] for at, word in enumerate(words)
    )
