"""What a prompt asks for, as far as words alone can tell: length, form, names, place, time, kind of case."""

import re
from dataclasses import dataclass

DEFAULT_WORDS = 600
_COUNT = re.compile(r"(\d[\d,]{0,6})\s*(?:-|\u2013|to\s)?\s*(\d[\d,]{0,6})?[\s-]*words?\b", re.IGNORECASE)
_COUNT_AS_DATA = re.compile(r"\b(?:words|word_count|length)\"?\s*[:=]\s*(\d{2,5})\b", re.IGNORECASE)
_PARAGRAPHS = re.compile(r"\b(\d{1,2}|two|three|four|five|six|seven|eight|nine|ten) paragraphs\b", re.IGNORECASE)
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_PARAGRAPH_WORDS = 60
_LENGTHS = (
    (r"\b(?:one|single) sentence\b", 25),
    (r"\b(?:one|single) paragraph\b", 90),
    (r"\b(?:very|really) short\b|\bflash fiction\b|\bbriefly\b", 150),
    (r"\bshort\b", 400),
    (r"\bvery long\b", 2400),
    (r"\blong\b", 1500),
)
_WORD = r"[A-Z][\w\u2019'-]+"
_NAME = rf"((?:Dr\.?\s|Mrs?\.?\s|Miss\s)?{_WORD}(?:\s{_WORD})?)"
_RANK = r"(?:Detective|Inspector|Sergeant|Constable|DCI|DI|DS|Sheriff|Marshal|Captain|Agent|Superintendent|Reporter)"
_DETECTIVE = re.compile(rf"\b((?:{_RANK}\s)+){_NAME}")
_CRIME = "murder|death|disappearance|killing|drowning|poisoning|vanishing|body"
_VICTIM = re.compile(rf"\b(?i:victim,?|(?:{_CRIME}) of|who killed|killed|murdered)\s+{_NAME}")
_CULPRIT = re.compile(
    rf"\b(?i:killer|murderer|culprit|suspect|poisoner|murdered by|killed by),?\s+(?:is |was )?{_NAME}"
)
_CALLED = re.compile(rf"\b(?i:named|called|about)\s+{_NAME}")
_ANY_PAIR = re.compile(rf"\b({_WORD}\s{_WORD})\b")
_TOWN = re.compile(
    rf"\b(?i:in|at|near|outside|around)\s+((?:(?:the|St\.?|New|Los|San|Port|Fort)\s)?{_WORD}(?:[\s-]{_WORD})?)"
)
_TOWN_LABEL = re.compile(rf"\b(?i:setting|town|city|location)\s*:\s*({_WORD}(?:\s{_WORD})?)")
_YEAR = re.compile(r"\b(1[7-9]\d\d|20\d\d)(s)?\b")
_CAPITALISED = """
    I A An The This That He She They It We You Write Tell Give Make Set Use Include Begin Start End In At On Of
    And But Or True Crime TrueCrime Story Title English French German Spanish Italian Japanese January February
    March April May June July August September October November December Monday Tuesday Wednesday Thursday
    Friday Saturday Sunday Victorian Edwardian Noir Gothic God JSON Markdown Detective Inspector Sergeant
    Constable Please Setting Genre Tone Style
"""
_NO_NAME = frozenset(_CAPITALISED.split())
_KINDS = (
    ("poison", r"poison|arsenic|cyanide|strychnine"),
    ("fire", r"\bfire\b|arson|burn(?:ed|t|ing)|blaze"),
    ("drowning", r"drown|\briver\b|\bcanal\b|\blake\b|harbou?r|washed up"),
    ("vanished", r"vanish|disappear|missing|never seen again|cold case"),
    ("fall", r"\bfell\b|\bfall(?:s|ing)?\b|cliff|\bstairs?\b|balcony|rooftop|pushed"),
    ("blow", r"locked room|bludgeon|struck|blunt|stabb|\bknife\b|\bshot\b|strangl"),
)
_SEASONS = (
    ("winter", r"winter|\bsnow|christmas|december|january|february|blizzard|frozen|\bice\b"),
    ("summer", r"summer|heat ?wave|\bjune\b|\bjuly\b|august|drought"),
    ("autumn", r"autumn|\bfall of\b|october|november|september|halloween|\bfog"),
    ("spring", r"\bspring\b|\bmarch\b|\bapril\b|easter"),
)
_PLACES = re.compile(
    r"""\b(lighthouse|theatre|theater|hotel|railway\ station|train\ station|station|circus|school|boarding\ school|
    college|casino|museum|farmhouse|farm|mine|library|church|bakery|hospital|monastery|convent|observatory|vineyard|
    opera\ house|lodge|asylum|orphanage|manor|mansion|castle|abbey|brewery|distillery|shipyard|dance\ hall|ballroom|
    jazz\ club|nightclub|diner|motel|greenhouse|cinema|auction\ house|gallery|ferry\ landing|caravan\ park|sawmill|mill|
    quarry|bookshop|bakehouse|swimming\ pool|bank|post\ office|prison|zoo|aquarium|funfair|pier)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_JOB = re.compile(
    r"""\b(?:an?|the|young|old|retired|local)\s+((?:[a-z-]+\s){0,2}(?:pianist|violinist|singer|teacher|nurse|doctor|
    baker|librarian|lawyer|actress|actor|dancer|banker|farmer|fisherman|priest|painter|sculptor|chemist|pharmacist|
    watchmaker|clockmaker|tailor|gardener|housekeeper|professor|student|journalist|photographer|novelist|poet|postman|
    sailor|jeweller|jeweler|antiquarian|bookseller|florist|keeper|miner|engineer|waitress|heiress|widow|collector|
    magician|captain|chef|cook|barber|beekeeper|architect))\b""",
    re.VERBOSE,
)
_WOMAN = re.compile(r"\b(?:she|her|hers|woman|girl|wife|widow|actress|heiress|waitress)\b")
_MAN = re.compile(r"\b(?:he|him|his|man|boy|husband)\b")


@dataclass(frozen=True, slots=True)
class Brief:
    """`key` seeds everything that the prompt leaves open."""

    key: str
    form: str = "story"
    words: int = DEFAULT_WORDS
    has_title: bool = False
    detective: tuple[str, str] | None = None
    victim: str | None = None
    culprit: str | None = None
    town: str | None = None
    place: str | None = None
    job: str | None = None
    year: int | None = None
    season: str | None = None
    kind: str | None = None
    ending: str | None = None
    victim_is_woman: bool | None = None
    leak: str = ""


def read_brief(prompt: str, everything: str, key: str, *, budget_words: int | None, is_reply: bool) -> Brief:
    """`prompt` is what the user last said; `everything` also holds the instructions around it."""
    town = _town(prompt)
    victim, culprit, detective = _people(prompt, town or "")
    lower = prompt.lower()
    place, job, year = _PLACES.search(prompt), _JOB.search(prompt), _YEAR.search(prompt)
    asked = _asked_words(prompt) or _asked_words(everything)
    return Brief(
        key=key,
        form=_form(lower, is_reply=is_reply and asked is None),
        words=asked or min(DEFAULT_WORDS, budget_words or DEFAULT_WORDS),
        has_title=bool(re.search(r"\btitle\b", everything, re.IGNORECASE))
        and not re.search(r"\b(?:no|without a|omit the|any) title\b", everything, re.IGNORECASE),
        detective=detective,
        victim=victim,
        culprit=culprit,
        town=town,
        place=place[1].lower() if place else None,
        job=job[1] if job else None,
        year=int(year[1]) if year else None,
        season=_first(_SEASONS, lower),
        kind=_first(_KINDS, lower),
        ending=_ending(lower),
        victim_is_woman=_pronoun(lower),
        leak=" ".join(re.findall(r"\[\[leak:([a-z/-]+)\]\]", prompt)),
    )


def _asked_words(text: str) -> int | None:
    if counts := _COUNT.findall(text):
        low, high = (int(part.replace(",", "")) if part else 0 for part in counts[-1])
        return max(10, (low + high) // 2 if high > low else low)
    if counts_as_data := _COUNT_AS_DATA.findall(text):
        return max(10, int(counts_as_data[-1]))
    if paragraphs := _PARAGRAPHS.search(text):
        number = paragraphs[1].lower()
        return _PARAGRAPH_WORDS * (int(number) if number.isdecimal() else _NUMBERS.index(number))
    return next((words for pattern, words in _LENGTHS if re.search(pattern, text, re.IGNORECASE)), None)


def _form(lower: str, *, is_reply: bool) -> str:
    if re.search(r"\b(?:only|just) (?:a |the )?title\b|\b(?:suggest|propose) a title\b", lower):
        return "title"
    if re.search(r"\b(?:synopsis|logline|summar(?:y|ise|ize)|blurb|teaser)\b", lower):
        return "synopsis"
    return "reply" if is_reply else "story"


def _people(prompt: str, town: str) -> tuple[str | None, str | None, tuple[str, str] | None]:
    detective = _DETECTIVE.search(prompt)
    hunter = (detective[1].strip(), detective[2]) if detective and _is_name(detective[2]) else None
    culprit = _name(_CULPRIT, prompt)
    victim = _name(_VICTIM, prompt) or _name(_CALLED, prompt)
    taken = " ".join([town, culprit or "", *(hunter or ())])
    if victim is None or victim in taken:
        victim = next((pair for pair in _ANY_PAIR.findall(prompt) if _is_name(pair) and pair not in taken), None)
    return victim, culprit, hunter


def _name(pattern: re.Pattern[str], prompt: str) -> str | None:
    return next((found for found in pattern.findall(prompt) if _is_name(found)), None)


def _is_name(text: str) -> bool:
    return not any(word in _NO_NAME for word in text.split()) and not text.isupper()


def _town(prompt: str) -> str | None:
    found = _TOWN_LABEL.findall(prompt) + _TOWN.findall(prompt)
    return next((town for town in found if _is_name(town.removeprefix("the "))), None)


def _first(rows: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for name, pattern in rows if re.search(pattern, text)), None)


def _ending(lower: str) -> str | None:
    if re.search(r"unsolved|never (?:caught|solved|found out)|open ending|ambiguous", lower):
        return "unsolved"
    return "acquitted" if re.search(r"acquit|walks? free|not guilty", lower) else None


def _pronoun(lower: str) -> bool | None:
    women, men = len(_WOMAN.findall(lower)), len(_MAN.findall(lower))
    return None if women == men else women > men
