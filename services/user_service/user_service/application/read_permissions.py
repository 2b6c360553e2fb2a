"""What the groups of a token allow, by the rows of the policy."""

from collections.abc import Sequence
from dataclasses import dataclass

from user_service.application.ports import StartWork
from user_service.domain.role import Role


@dataclass(frozen=True, slots=True)
class ReadPermissions:
    """Reads the roles that Cognito groups give."""

    start_work: StartWork

    async def __call__(self, groups: Sequence[str]) -> Sequence[Role]:
        """Return the roles, by code; a group that no role knows gives none."""
        async with self.start_work() as work:
            return await work.roles.of_groups(groups)
