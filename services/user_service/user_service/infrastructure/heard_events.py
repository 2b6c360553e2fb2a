"""What services tell that people should know of, and what it does to them."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from common_events.envelope import Envelope
from common_events.handlers import AfterCommit, Handler, Handling
from user_service.application.notify import notify, remind_of_payment, stop_reminding
from user_service.application.ports import Clock, NewId, PendingSuspension, Work
from user_service.domain.billing_notices import SUBSCRIPTION_CHANGES, granted, payment_due, subscription_changed
from user_service.domain.profile import UserId
from user_service.infrastructure.repositories import SqlUserWork

SOURCES = ("payment", "story", "user")
_MADE_GOOD = frozenset({"renewed", "cancelled"})


class HeardEvents:
    """Hands each fact to its use case, in the transaction of its inbox row."""

    def __init__(
        self, now: Clock, new_id: NewId, revoke: Callable[[str, datetime], Awaitable[None]], suspended_for: timedelta
    ) -> None:
        """`revoke` has tokens refused everywhere; `suspended_for`: what too many strikes cost."""
        self._now, self._new_id, self._revoke, self._suspended_for = now, new_id, revoke, suspended_for

    def handlers(self) -> dict[str, Handling]:
        """Return what is done with each type of fact."""
        return {
            "dunning.notice_due": _in_session(self._dunning),
            "entitlement.granted": _in_session(self._grant),
            "user.struck": _in_session(self._struck),
            "user.status_changed": AfterCommit(self._status_changed),
            **{f"subscription.{what}": _in_session(self._subscription) for what in SUBSCRIPTION_CHANGES},
        }

    async def _dunning(self, work: Work, envelope: Envelope) -> None:
        data = envelope.data
        notice = payment_due(data["subscription_id"], data["plan"], int(data["day"]), _instant(data["grace_until"]))
        await remind_of_payment(work, _subject(envelope), notice, self._now(), self._new_id)

    async def _subscription(self, work: Work, envelope: Envelope) -> None:
        data, what = envelope.data, envelope.type.rpartition(".")[2]
        user_id, subscription_id = _subject(envelope), str(data["subscription_id"])
        if what in _MADE_GOOD:
            await stop_reminding(work, user_id, subscription_id)
        notice = subscription_changed(what, subscription_id, data["plan"], int(data["version"]))
        await notify(work, user_id, notice, self._now(), self._new_id)

    async def _grant(self, work: Work, envelope: Envelope) -> None:
        data = envelope.data
        grant_id = str(UUID(data["grant_id"]))
        notice = granted(grant_id, data["meter"], int(data["amount"]), _instant(data["expires_at"]))
        await notify(work, _subject(envelope), notice, self._now(), self._new_id)

    async def _struck(self, work: Work, envelope: Envelope) -> None:
        """Note who is to be shut out; the identity provider is told by a job, with no transaction open."""
        user_id = _subject(envelope)
        if envelope.data["action"] == "suspend" and await work.profiles.of(user_id) is not None:
            asked = PendingSuspension(user_id, envelope.time + self._suspended_for)
            await work.suspensions.ask(asked, self._now())

    async def _status_changed(self, envelope: Envelope) -> None:
        """Have the tokens refused that were issued until then; who is reinstated gets new ones by signing in."""
        if envelope.data["status"] == "suspended":
            await self._revoke(str(_subject(envelope)), envelope.time)


def _in_session(effect: Callable[[Work, Envelope], Awaitable[None]]) -> Handler:
    async def handle(session: AsyncSession, envelope: Envelope) -> None:
        await effect(SqlUserWork.on(session), envelope)

    return handle


def _subject(envelope: Envelope) -> UserId:
    if envelope.subject is None:
        raise ValueError(f"{envelope.type} tells of nobody")
    return UserId(envelope.subject)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
