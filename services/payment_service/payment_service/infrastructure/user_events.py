"""What user_service tells of people that concerns their payments."""

from sqlalchemy.ext.asyncio import AsyncSession

from common_events.envelope import Envelope
from common_events.handlers import Handler
from payment_service.domain.ids import UserId
from payment_service.infrastructure.work import SqlPaymentWork

SOURCES = ("user",)
_LEAVING = frozenset({"erasing", "erased"})


def handlers() -> dict[str, Handler]:
    """Return what is done with each type of fact, in the transaction of its inbox row."""
    return {"user.updated": _updated}


async def _updated(session: AsyncSession, envelope: Envelope) -> None:
    """Note who leaves; the provider is told by a job, with no transaction open."""
    if envelope.data.get("status") in _LEAVING and envelope.subject is not None:
        await SqlPaymentWork.on(session).erasures.add(UserId(envelope.subject), envelope.time)
