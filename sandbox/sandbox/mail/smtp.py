"""The SMTP side: takes every mail for anybody and delivers none."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.mail.mailbox import Mailbox
from sandbox.servers.errors import CannotStart

_MOST_BYTES = 10 * 2**20


@dataclass(
    frozen=True
)  # without slots: aiosmtpd looks at every member, and the __weakref__ of Python 3.11.2 breaks then
class Receiver:
    """The handler of aiosmtpd: its method's name is that library's."""

    mailbox: Mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002 - aiosmtpd's name and call
        content = envelope.original_content or b""
        mail_id = await asyncio.to_thread(self.mailbox.keep, list(envelope.rcpt_tos), content)
        return f"250 Kept as {mail_id}"


@contextlib.asynccontextmanager
async def listening(mailbox: Mailbox, port: int) -> AsyncIterator[None]:
    """Listen on the loopback address in the running loop, as long as the block lasts; an idle client delays nothing."""
    protocol = partial(SMTP, Receiver(mailbox), data_size_limit=_MOST_BYTES, enable_SMTPUTF8=True, hostname="127.0.0.1")
    try:
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"Port {port} for the sandbox's SMTP server is taken.") from None
        raise
    try:
        yield
    finally:
        server.close()
