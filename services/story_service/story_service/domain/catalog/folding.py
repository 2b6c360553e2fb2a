"""How titles are compared: without case, accents and punctuation."""

import unicodedata

LONGEST_KEY = 200
# Letters that Unicode does not take apart, as people without them on the keyboard write them.
_WRITTEN = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "\u0131": "i",
        "'": "",
        "\u2018": "",
        "\u2019": "",
    }
)


def fold(text: str) -> str:
    """Return the words of a text, small and plain, with one space between them."""
    plain = unicodedata.normalize("NFKD", text.casefold()).casefold().translate(_WRITTEN)
    letters = (sign for sign in plain if not unicodedata.combining(sign))
    return " ".join("".join(sign if sign.isalnum() else " " for sign in letters).split())


def key_of(title: str) -> str:
    """Return what a title is found by."""
    return fold(title)[:LONGEST_KEY].rstrip()


def typed(text: str) -> str:
    """Return the beginning of a key that somebody typed: a space at the end says that the last word is whole."""
    folded = fold(text)[:LONGEST_KEY]
    return f"{folded} " if folded and text[-1:].isspace() else folded
