"""How a text begins."""


def beginning(text: str, most: int) -> str:
    """Return the first `most` characters at the most, cut between words."""
    flat = " ".join(text.split())
    if len(flat) <= most:
        return flat
    return flat[: max(most - 1, 0)].rpartition(" ")[0].rstrip(".,;:") + "…"
