"""An access version as an answer: the snapshot of api.md 6.3 under the ETag that caches compare."""

import hashlib

import orjson
from fastapi import Response

from common_service.conditional import conditional
from payment_service.domain.access import AccessVersion


def access_answer(version: AccessVersion, ttl_seconds: int, if_none_match: str | None) -> Response:
    """Return the snapshot. Version 0 is no row and follows the default plan, so its tag also tells the features."""
    tag = str(version.version) if version.version else f"0-{_digest(version)}"
    return conditional(version.document(ttl_seconds), tag, if_none_match)


def _digest(version: AccessVersion) -> str:
    return hashlib.sha256(orjson.dumps(dict(version.access.features), option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
