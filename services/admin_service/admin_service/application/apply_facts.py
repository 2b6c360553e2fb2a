"""What each fact of the others does to the read model, inside the transaction that marks it as read."""

from admin_service.application.ports import Work
from admin_service.domain.events import AccessSeen, PersonSeen, UsageSeen


async def index_person(work: Work, seen: PersonSeen) -> None:
    """Bring a person's entry up to date."""
    entry = await work.directory.open(seen.user_id, seen.at)
    await work.directory.save(entry.with_person(seen))


async def index_access(work: Work, seen: AccessSeen) -> None:
    """Bring a person's plan up to date."""
    entry = await work.directory.open(seen.user_id, seen.at)
    await work.directory.save(entry.with_access(seen))


async def count_usage(work: Work, seen: UsageSeen) -> None:
    """Count a generation in its hour."""
    hour = seen.at.replace(minute=0, second=0, microsecond=0)
    await work.usage.add(seen.user_id, hour, seen.amounts)
