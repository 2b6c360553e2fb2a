"""Conditional requests (RFC 9110, 13): an ETag names what was read, `If-None-Match` spares the reader what is at hand
already, `If-Match` says which version a change is made to."""

import re
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError

from common_service.problems import PreconditionRequired

_VERSION = re.compile(r'"([1-9][0-9]{0,8})(?:-[a-z]+)?"')
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_TAGS = re.compile(rf"[\s,]*(?:{_TAG.pattern}\s*(?:,[\s,]*|$))+")
_LONGEST = 1000

ETAG: dict[str, Any] = {
    "ETag": {"description": "Names this version.", "required": True, "schema": {"type": "string"}},
}
CACHEABLE: dict[int | str, dict[str, Any]] = {
    200: {"headers": ETAG},
    304: {"description": "Not Modified: what is at hand still holds", "headers": ETAG},
}
"""The OpenAPI `responses` of a route that answers by `conditional`."""
IF_MATCH: dict[str, Any] = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "description": "The `ETag` of what is to be changed.",
            "schema": {"type": "string", "pattern": f"^{_VERSION.pattern}$"},
        }
    ]
}
"""The `openapi_extra` of a route that takes a `SeenVersion`."""


async def seen_version(request: Request) -> int:
    """Return the version that `If-Match` names. Raises PreconditionRequired, RequestValidationError.

    One version of ours and nothing else: a change is made to what somebody has read, which `*` does not say, which a
    list leaves open, and which a weak tag never names (RFC 9110, 13.1.1). What a tag tells behind the version, as in
    `"7-latest"`, is no part of what is changed. A missing one is no fault of validation but
    428 (RFC 6585), which a required parameter could not answer.
    """
    named = request.headers.getlist("if-match")
    if not named:
        raise PreconditionRequired
    version = _VERSION.fullmatch(named[0].strip())
    if version is None or len(named) > 1:
        fault = {"type": "etag", "loc": ("header", "If-Match"), "msg": "is one ETag of ours, in quotes", "input": None}
        raise RequestValidationError([fault])
    return int(version[1])


SeenVersion = Annotated[int, Depends(seen_version)]
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", max_length=_LONGEST, description="The `ETag` of what is at hand."),
]


def tag(response: Response, version: int) -> None:
    """Name the version in the answer."""
    response.headers["ETag"] = f'"{version}"'


def conditional(document: Any, tag: str, if_none_match: str | None, cache_control: str | None = None) -> Response:
    """Return the document, or 304 without a body when the caller has what `tag` names.

    `document` is what orjson writes, or JSON as bytes.
    """
    headers = {"ETag": f'"{tag}"'} | ({"Cache-Control": cache_control} if cache_control else {})
    if holds(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return Response(body, headers=headers, media_type="application/json")


def holds(if_none_match: str | None, tag: str) -> bool:
    """Tell whether the caller has this version. What is no list of tags says nothing, and is answered in full."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return _TAGS.fullmatch(if_none_match) is not None and f'"{tag}"' in _TAG.findall(if_none_match)
