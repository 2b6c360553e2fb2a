"""Publishing over the wire."""

from typing import Literal

from story_service.api.schemas import Wire


class PublishIn(Wire):
    """Whom a story is to be shown to: everybody in the library, or whoever knows its id."""

    visibility: Literal["public", "unlisted"] = "public"
