"""Answers that a caller may keep: an ETag, and 304 without a body for whoever has that one already."""

import re
from typing import Annotated, Any

import orjson
from fastapi import Header, Response

IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="The `ETag` of what is at hand.")]
_TAG = re.compile(r'(?:W/)?("[^"]*")')
_ETAG_HEADER = {"ETag": {"description": "Names this version.", "schema": {"type": "string"}}}
CACHEABLE: dict[int | str, dict[str, Any]] = {
    200: {"headers": _ETAG_HEADER},
    304: {"description": "Not Modified: what is at hand still holds", "headers": _ETAG_HEADER},
}


def conditional(document: Any, tag: str, if_none_match: str | None, cache_control: str | None = None) -> Response:
    """Return the document, or 304 when the caller named its tag."""
    headers = {"ETag": f'"{tag}"'} | ({"Cache-Control": cache_control} if cache_control else {})
    if if_none_match and (if_none_match.strip() == "*" or headers["ETag"] in _TAG.findall(if_none_match)):
        return Response(status_code=304, headers=headers)
    return Response(orjson.dumps(document), headers=headers, media_type="application/json")
