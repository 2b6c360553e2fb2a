"""The catalog: complete a title, search by words, see what is popular."""

import hashlib
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers
from common_service.conditional import CACHEABLE, IfNoneMatch, conditional
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor
from story_service.api.catalog.schemas import CatalogHit, CatalogHits, Typed, Types, document, types_of
from story_service.api.library_schemas import Words
from story_service.api.problems import ANY_READER, FACES
from story_service.application.catalog.ports import Place
from story_service.application.catalog.read_catalog import ReadCatalog

_POPULAR = 20
_POPULAR_LIFE = "private, max-age=86400"


def catalog_routes(catalog: ReadCatalog, callers: Callers, cursors: Cursors) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/catalog", tags=["catalog"], dependencies=[SIGNED_IN, Depends(callers.reader)])

    @router.get("/autocomplete", response_model=CatalogHits, responses=FACES.responses(*ANY_READER))
    async def complete_title(q: Typed) -> Response:
        """Complete what somebody types: at most ten, the most popular first. One typo is forgiven."""
        return _answer([document(hit) for hit in await catalog.complete(q)])

    @router.get("/search", responses=FACES.responses(*ANY_READER, BadCursor))
    async def search_catalog(
        q: Words,
        types: Types = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Page[CatalogHit]:
        """Find what has all of these words in title or summary, the most popular first. One typo a word is forgiven."""
        wanted = types_of(types)
        name = f"catalog {','.join(wanted)} {q}"
        found = await catalog.search(q, wanted, after=_place(cursors.read(cursor, of=name)), most=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        following = cursors.make({"popularity": last.popularity, "id": str(last.id)}, of=name) if last else None
        items = [CatalogHit.model_validate(document(hit)) for hit in found[:limit]]
        return Page(items=items, next_cursor=following)

    @router.get("/popular", response_model=CatalogHits, responses=CACHEABLE | FACES.responses(*ANY_READER))
    async def list_popular(types: Types = None, if_none_match: IfNoneMatch = None) -> Response:
        """List the twenty most popular, of some types or of all. The answer may be kept for a day."""
        body = _body([document(hit) for hit in await catalog.popular(types_of(types), _POPULAR)])
        return conditional(body, hashlib.sha256(body).hexdigest()[:32], if_none_match, _POPULAR_LIFE)

    return router


def _answer(items: list[dict[str, Any]]) -> Response:
    return Response(_body(items), media_type="application/json")


def _body(items: list[dict[str, Any]]) -> bytes:
    return orjson.dumps({"items": items})


def _place(cursor: dict[str, Any] | None) -> Place | None:
    return (cursor["popularity"], UUID(cursor["id"])) if cursor else None
