"""`If-Match`: which version a change is made to. Missing it is 428 and not a validation error (RFC 6585)."""

import re
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

_TAG = re.compile(r'"([1-9][0-9]{0,8})"')
IF_MATCH: dict[str, Any] = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "description": "The `ETag` of what is to be changed.",
            "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,8}"$'},
        }
    ]
}
ETAG_HEADER: dict[str, Any] = {
    "ETag": {"description": "The version, for `If-Match`.", "required": True, "schema": {"type": "string"}}
}


class PreconditionRequired(Exception):
    """A change that does not say which version it is made to."""

    def __init__(self) -> None:
        super().__init__("Send the ETag of what you read as If-Match.")


async def if_match(request: Request) -> int:
    """Return the version named by the header. Raises PreconditionRequired."""
    values = request.headers.getlist("if-match")
    if not values:
        raise PreconditionRequired
    tag = _TAG.fullmatch(values[0].strip())
    if tag is None or len(values) > 1:
        fault = {"type": "etag", "loc": ("header", "If-Match"), "msg": "is one ETag of ours, in quotes", "input": None}
        raise RequestValidationError([fault])
    return int(tag[1])


def tag(response: Response, version: int) -> None:
    """Name the version in the answer."""
    response.headers["ETag"] = f'"{version}"'
