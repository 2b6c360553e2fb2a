"""What user_service tells of people that concerns what they left here."""

from sqlalchemy.ext.asyncio import AsyncSession

from common_events.envelope import Envelope
from common_events.handlers import Handler
from story_service.domain.ids import UserId
from story_service.infrastructure.erasing.erasures import SqlErasures


def user_handlers() -> dict[str, Handler]:
    """Return what is done with each type of fact, in the transaction of its inbox row."""
    return {"user.updated": _updated}


async def _updated(session: AsyncSession, envelope: Envelope) -> None:
    """Note who is gone; a job erases them. Who is only leaving may still come back."""
    if envelope.data.get("status") == "erased" and envelope.subject is not None:
        await SqlErasures(session).add(UserId(envelope.subject), envelope.time)
