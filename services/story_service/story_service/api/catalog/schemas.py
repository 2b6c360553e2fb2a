"""The catalog over the wire."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import StringConstraints

from story_service.api.library_schemas import TruthModeName
from story_service.api.schemas import Wire
from story_service.domain.catalog.entry import EntryType, Hit
from story_service.domain.story import LABELS

_TYPE = "(?:story|case|character|title)"
Typed = Annotated[
    str,
    StringConstraints(min_length=2, max_length=64, pattern=r"^[^\x00]*$"),
    Query(description="What somebody has typed so far; a space at its end says that the last word is whole."),
]
Types = Annotated[
    str | None,
    StringConstraints(pattern=rf"^{_TYPE}(?:,{_TYPE}){{0,3}}$"),
    Query(
        alias="type",
        description="`story`, `case`, `character` or `title`, or some of them with commas; all by default.",
    ),
]


class CatalogHit(Wire):
    """Something that was found. What is about a story carries its label; a `title` is a title and nothing more."""

    type: Literal["story", "case", "character", "title"]
    id: UUID
    title: str
    truth_mode: TruthModeName | None
    label: str | None


class CatalogHits(Wire):
    """A list that has no other page."""

    items: list[CatalogHit]


def document(hit: Hit) -> dict[str, Any]:
    """Return a hit as CatalogHit describes it: this is on the path of every key stroke."""
    return {
        "type": hit.type,
        "id": hit.id,
        "title": hit.title,
        "truth_mode": hit.truth_mode,
        "label": LABELS[hit.truth_mode] if hit.truth_mode else None,
    }


def types_of(names: str | None) -> list[EntryType]:
    """Return the types that were named, each once, in an order of their own."""
    named = names.split(",") if names else list(EntryType)
    return [each for each in EntryType if each in named]
