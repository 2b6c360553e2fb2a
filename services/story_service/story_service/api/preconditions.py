"""`If-Match`: the version that a change is made to. A missing one is 428, no fault of validation (RFC 6585)."""

import re
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

_PATTERN = '"[1-9][0-9]{0,8}"'
_TAG = re.compile(_PATTERN)
IF_MATCH: dict[str, Any] = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "description": "The `ETag` of what is to be changed.",
            "schema": {"type": "string", "pattern": f"^{_PATTERN}$"},
        }
    ]
}
ETAG: dict[str, Any] = {
    "ETag": {"description": "The version, for `If-Match`.", "required": True, "schema": {"type": "string"}}
}


class PreconditionRequired(Exception):
    """A change that names no version."""

    def __init__(self) -> None:
        super().__init__("Send the ETag of what you read as If-Match.")


async def if_match(request: Request) -> int:
    """Return the version that the header names. Raises PreconditionRequired, RequestValidationError."""
    named = request.headers.getlist("if-match")
    if not named:
        raise PreconditionRequired
    if len(named) > 1 or not _TAG.fullmatch(named[0].strip()):
        fault = {"type": "etag", "loc": ("header", "If-Match"), "msg": "is one ETag of ours, in quotes", "input": None}
        raise RequestValidationError([fault])
    return int(named[0].strip().strip('"'))


def tag(response: Response, version: int) -> None:
    """Name the version in the answer."""
    response.headers["ETag"] = f'"{version}"'
