"""A rule against characters that are real people.

It refuses what says of itself that it is real, and the names that are asked for most. It knows nobody else: a neighbour
with an ordinary name, or a name spelt in pictures, passes it. What is shown to others is judged by the moderator too,
and can be reported and taken down.
"""

import re
import unicodedata

REASON = "real_person"
_DENIED = re.compile(
    r"\b(?:no|not an?|\w*n t an?|not any|never an?|without any?) (?:real|actual) (?:life )?(?:person|people)\b"
)
_CLAIMED = re.compile(
    r"\b(?:real|actual) (?:life )?(?:person|people|killer|murderer|victim|celebrity|politician)\b"
    r"|\b(?:in|from) real life\b|\breal life\b"
    r"|\bbased on (?:a |the )?(?:real|actual|true)\b"
    r"|\bwho (?:really|actually) (?:lived|existed|died|killed)\b"
    r"|\b(?:based on|modell?ed on|this is|he is|she is) my"
    r" (?:ex|neighbou?r|boss|teacher|classmate|colleague|stepfather|stepmother)\b"
)
_LIFE_DATES = re.compile("\\((?:born|b\\.|\\*)?\\s*(?:1[6-9]|20)\\d\\d\\s*(?:[-\u2013\u2014]|\\))")
_LINK = re.compile(r"https?://|\bwww\.|wikipedia\.org", re.IGNORECASE)
# Cyrillic letters, digits and signs that are written for Latin ones.
_LOOKALIKES = str.maketrans("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455013457@$", "aeopcyxisoieastas")
# That somebody stands here says nothing about them but that they live or lived.
_SOUGHT = frozenset(
    """
    ted bundy; theodore bundy; jeffrey dahmer; john wayne gacy; charles manson; ed gein; richard ramirez; dennis rader;
    gary ridgway; aileen wuornos; ted kaczynski; peter sutcliffe; harold shipman; fred west; rose west; myra hindley;
    ian brady; andrei chikatilo; anders breivik; o j simpson; oj simpson; amanda knox; casey anthony; lizzie borden;
    josef fritzl; jeffrey epstein; ghislaine maxwell; harvey weinstein; pablo escobar; al capone; luigi mangione;
    jonbenet ramsey; madeleine mccann; natascha kampusch; elizabeth short; sharon tate; gabby petito; meredith kercher;
    laci peterson; adnan syed; hae min lee; steven avery; donald trump; joe biden; vladimir putin; elon musk;
    taylor swift; adolf hitler
    """.replace("\n", " ").split(";")
)
_NAMES = frozenset(" ".join(name.split()) for name in _SOUGHT)
_LONGEST_NAME = max(len(name.split()) for name in _NAMES)


def is_real_person(name: str, text: str) -> bool:
    """Tell whether a character's name or its whole text says that it is somebody real."""
    words = _folded(text)
    claims = _CLAIMED.search(_DENIED.sub(" ", words))
    return bool(claims or _LIFE_DATES.search(text) or _LINK.search(text) or _is_sought(name) or _is_sought(text))


def _is_sought(text: str) -> bool:
    words = _folded(text.casefold().translate(_LOOKALIKES)).split()
    runs = (" ".join(words[at : at + size]) for size in range(2, _LONGEST_NAME + 1) for at in range(len(words)))
    return any(run in _NAMES for run in runs)


def _folded(text: str) -> str:
    """Return lower-case words without accents and signs."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(re.findall(r"[^\W_]+", letters))
