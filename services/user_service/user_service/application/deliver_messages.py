"""Sends what is queued, one e-mail at a time and with no transaction open."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from user_service.application.notice_ports import Mailer
from user_service.application.ports import Clock, StartWork
from user_service.domain.errors import MailRefused, MailUnavailable
from user_service.domain.message import Message

log = logging.getLogger("mail")
_LEASE = timedelta(minutes=2)
_BATCH = 50


@dataclass(frozen=True, slots=True)
class DeliverMessages:
    """Two may run: a message is claimed. Who dies between sending and saying so has it sent once more, later.

    `footer` ends every e-mail: where to go.
    """

    start_work: StartWork
    mailer: Mailer
    now: Clock
    footer: str

    async def __call__(self) -> bool:
        """Send a batch; tell whether there may be more."""
        for _ in range(_BATCH):
            if not await self._next():
                return False
        return True

    async def _next(self) -> bool:
        async with self.start_work() as work:
            message = await work.messages.claim(self.now(), _LEASE)
            profile = await work.profiles.of(message.user_id) if message else None
            await work.commit()
        if message is None:
            return False
        address = profile.email if profile else None
        if address is None or not message.is_true(self.now()):
            async with self.start_work() as work:
                await work.messages.drop(message)
                await work.commit()
        else:
            await self._send(message, address)
        return True

    async def _send(self, message: Message, address: str) -> None:
        try:
            provider_id = await self.mailer.send(address, message.subject, f"{message.text}\n\n{self.footer}\n")
        except MailUnavailable as error:
            await self._put_off(message, error.reason, is_last=False)
        except MailRefused as error:
            await self._put_off(message, error.reason, is_last=True)
        else:
            async with self.start_work() as work:
                await work.messages.sent(message, provider_id, self.now())
                await work.commit()
            log.info("mail sent", extra={"message_id": str(message.id), "kind": message.kind.value})

    async def _put_off(self, message: Message, reason: str, *, is_last: bool) -> None:
        retry_at = None if is_last else message.retry_at(self.now())
        async with self.start_work() as work:
            await work.messages.put_off(message, reason, retry_at)
            await work.commit()
        told = log.error if retry_at is None else log.warning
        told("mail not sent", extra={"message_id": str(message.id), "reason": reason, "is_last": retry_at is None})
