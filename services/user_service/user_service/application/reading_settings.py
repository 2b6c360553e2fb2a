"""A person's settings, read and replaced as a whole."""

from dataclasses import dataclass

from user_service.application.ports import StartWork
from user_service.domain.errors import NotProvisioned
from user_service.domain.profile import UserId
from user_service.domain.reading_settings import ReadingSettings


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Reads the caller's settings."""

    start_work: StartWork

    async def __call__(self, user_id: UserId) -> ReadingSettings:
        """Return them. Raises NotProvisioned."""
        async with self.start_work() as work:
            settings = await work.settings.of(user_id)
        if settings is None:
            raise NotProvisioned
        return settings


@dataclass(frozen=True, slots=True)
class ReplaceSettings:
    """Replaces the caller's settings."""

    start_work: StartWork

    async def __call__(self, user_id: UserId, wanted: ReadingSettings, *, version: int) -> ReadingSettings:
        """Return what holds from now on. Raises NotProvisioned, VersionConflict."""
        async with self.start_work() as work:
            known = await work.settings.of(user_id, for_update=True)
            if known is None:
                raise NotProvisioned
            settings = known.replaced(wanted, version=version)
            if settings != known:
                await work.settings.save(user_id, settings)
                await work.commit()
            return settings
