"""One typo: a letter too many, one too few, a wrong one, or two neighbours in the wrong order."""


def is_near(word: str, typed: str) -> bool:
    """Tell whether `typed` is `word`, or `word` with one typo."""
    at = _parting(word, typed)
    return word == typed or any(
        word[skipped:] == rest for skipped, rest in _mended(word, typed, at) if skipped <= len(word)
    )


def begins_near(key: str, typed: str) -> bool:
    """Tell whether `typed` is a beginning of `key`, or one with one typo."""
    at = _parting(key, typed)
    return at == len(typed) or any(key.startswith(rest, skipped) for skipped, rest in _mended(key, typed, at))


def _parting(key: str, typed: str) -> int:
    """Return how many letters agree. No typo before this place could make more of them agree than one at it."""
    for at, (ours, theirs) in enumerate(zip(key, typed, strict=False)):
        if ours != theirs:
            return at
    return min(len(key), len(typed))


def _mended(key: str, typed: str, at: int) -> list[tuple[int, str]]:
    """Return, for each typo at this place, from where on the key has to go on, and how."""
    ways = [(at, typed[at + 1 :]), (at + 1, typed[at:])]
    if at < len(typed) and at < len(key):
        ways.append((at + 1, typed[at + 1 :]))
    if at + 1 < len(typed) and key[at : at + 2] == typed[at + 1] + typed[at]:
        ways.append((at + 2, typed[at + 2 :]))
    return ways
