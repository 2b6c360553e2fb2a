"""What the contracts let into text: Postgres keeps no NUL, so that a pattern which admits one is a 500."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

CONTRACTS = sorted((Path(__file__).parents[2] / "contracts" / "openapi").glob("*.json"))


def patterns(document: Any) -> Iterator[str]:
    """Walk a document for the patterns of its strings."""
    if isinstance(document, dict):
        if isinstance(document.get("pattern"), str):
            yield document["pattern"]
        for part in document.values():
            yield from patterns(part)
    elif isinstance(document, list):
        for part in document:
            yield from patterns(part)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda path: path.stem)
def test_no_pattern_admits_nul(contract: Path) -> None:
    found = set(patterns(orjson.loads(contract.read_bytes())))
    assert not [pattern for pattern in found for text in ("\0", "a\0b", "a\0", "\0a") if re.search(pattern, text)]
