"""Suspending and reinstating people, which user_service does."""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from admin_service.application.passing import Passed


class Users(Protocol):
    """The people, on behalf of the admin whose token is given."""

    async def change_status(self, actor_token: str, user_id: UUID, status: Mapping[str, Any]) -> Passed:
        """Suspend or reinstate somebody. Raises UsersUnavailable."""
        ...
