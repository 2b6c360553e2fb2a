"""What user_service tells of people that concerns what they left here, or have written now."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from common_events.envelope import Envelope
from common_events.handlers import Handler
from story_service.application.stop_suspended import StopSuspended
from story_service.domain.ids import UserId
from story_service.infrastructure.erasing.erasures import SqlErasures
from story_service.infrastructure.work import SqlStoryWork


def user_handlers() -> dict[str, Handler]:
    """Return what is done with each type of fact, in the transaction of its inbox row."""
    return {"user.updated": _updated}


def standing_handlers(stop: StopSuspended) -> dict[str, Handler]:
    """Return what is done when somebody is suspended, in the transaction of the inbox row."""

    async def status_changed(session: AsyncSession, envelope: Envelope) -> None:
        """Stop what is written for them; that nothing more is accepted is the gate's business."""
        if envelope.data["status"] == "suspended":
            user_id = UserId(UUID(envelope.data["user_id"]))
            await stop(SqlStoryWork.on(session), user_id, envelope.time)

    return {"user.status_changed": status_changed}


async def _updated(session: AsyncSession, envelope: Envelope) -> None:
    """Note who is gone; a job erases them. Who is only leaving may still come back."""
    if envelope.data.get("status") == "erased" and envelope.subject is not None:
        await SqlErasures(session).add(UserId(envelope.subject), envelope.time)
