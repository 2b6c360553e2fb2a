"""What admins do at the moderation desk of story_service, which decides and keeps everything."""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from admin_service.application.passing import Passed


class Desk(Protocol):
    """The desk, on behalf of the admin whose token is given. Every call raises DeskUnavailable."""

    async def queue(self, actor_token: str, query: Mapping[str, str]) -> Passed: ...

    async def assign(self, actor_token: str, case_id: UUID) -> Passed: ...

    async def decide(self, actor_token: str, case_id: UUID, key: str, decision: Mapping[str, Any]) -> Passed: ...
