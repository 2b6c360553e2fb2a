"""Pages with opaque, signed cursors: `{items, next_cursor}` (api.md 6.1)."""

import base64
import binascii
import hashlib
import hmac
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel

from common_service.problems import BadCursor

Item = TypeVar("Item")
Limit = Annotated[int, Query(ge=1, le=100, description="How many items at the most.")]
Cursor = Annotated[
    str | None, Query(max_length=1024, pattern=r"^[\x21-\x7e]*$", description="`next_cursor` of the page before.")
]
_MAC_BYTES = 16
_NOT_OURS = "The cursor is not one of ours."


class Page(BaseModel, Generic[Item]):
    """One page; without `next_cursor` it is the last."""

    items: list[Item]
    next_cursor: str | None = None


class Cursors:
    """Makes and reads cursors that only this secret can make."""

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(b"cursor:" + secret.encode()).digest()

    def make(self, position: dict[str, Any], *, of: str = "") -> str:
        """Return the cursor that says: go on behind `position`. `of` names the list that it is for.

        Raises TypeError for a position that is no JSON.
        """
        body = orjson.dumps(position)
        return _encode(self._mac(body, of) + body)

    def read(self, cursor: str | None, *, of: str = "") -> dict[str, Any] | None:
        """Return the position of a cursor, None for none. Raises BadCursor for one not made here for it."""
        if cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError):
            raise BadCursor(_NOT_OURS) from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if _encode(raw) != cursor or not hmac.compare_digest(mac, self._mac(body, of)):
            raise BadCursor(_NOT_OURS)
        position: dict[str, Any] = orjson.loads(body)
        return position

    def _mac(self, body: bytes, of: str) -> bytes:
        return hmac.digest(self._secret, of.encode() + b"\0" + body, "sha256")[:_MAC_BYTES]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
