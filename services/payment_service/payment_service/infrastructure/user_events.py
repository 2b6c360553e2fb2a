"""What user_service tells of people that concerns their payments."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from common_events.envelope import Envelope
from common_events.handlers import Handler
from payment_service.application.access_ports import Standing
from payment_service.application.follow_standing import follow_standing
from payment_service.application.ports import Clock
from payment_service.domain.ids import UserId
from payment_service.infrastructure.work import SqlPaymentWork

SOURCES = ("user",)
_LEAVING = frozenset({"erasing", "erased"})


def handlers(now: Clock, ttl_seconds: int) -> dict[str, Handler]:
    """Return what is done with each type of fact, in the transaction of its inbox row."""

    async def status_changed(session: AsyncSession, envelope: Envelope) -> None:
        """Shut a suspended person out of all that is sold, until they are let in again."""
        if envelope.subject is None:
            raise ValueError("user.status_changed tells of nobody")
        data = envelope.data
        standing = Standing(
            user_id=UserId(envelope.subject),
            version=int(data["version"]),
            is_suspended=data["status"] == "suspended",
            since=envelope.time,
            until=datetime.fromisoformat(data["until"]) if data["until"] else None,
        )
        await follow_standing(SqlPaymentWork.on(session), standing, now(), ttl_seconds)

    return {"user.updated": _updated, "user.status_changed": status_changed}


async def _updated(session: AsyncSession, envelope: Envelope) -> None:
    """Note who leaves; the provider is told by a job, with no transaction open."""
    if envelope.data.get("status") in _LEAVING and envelope.subject is not None:
        await SqlPaymentWork.on(session).erasures.add(UserId(envelope.subject), envelope.time)
