"""Pages with opaque, signed cursors: `{items, next_cursor}`."""

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


class Page(BaseModel, Generic[Item]):
    """One page; without `next_cursor` it is the last."""

    items: list[Item]
    next_cursor: str | None = None


class Cursors:
    """Makes and reads cursors that only this secret can make."""

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(b"cursor:" + secret.encode()).digest()

    def make(self, position: dict[str, Any]) -> str:
        """Return the cursor that says: go on behind `position`."""
        body = orjson.dumps(position)
        return base64.urlsafe_b64encode(self._mac(body) + body).rstrip(b"=").decode()

    def read(self, cursor: str | None) -> dict[str, Any] | None:
        """Return the position of a cursor, None for none. Raises BadCursor for one that was not made here."""
        if cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError):
            raise BadCursor("The cursor is not one of ours.") from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise BadCursor("The cursor is not one of ours.")
        position: dict[str, Any] = orjson.loads(body)
        return position

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, body, "sha256")[:_MAC_BYTES]
