"""Mails of the pool, by SMTP to wherever the mail stand-in listens."""

import smtplib
from dataclasses import dataclass
from email.message import EmailMessage

from sandbox.cognito.errors import Refused

_SENDER = "TrueCrime <no-reply@truecrime.test>"


@dataclass(frozen=True, slots=True)
class Postman:
    """Without an address (`smtp` is None) mails go nowhere, as with a pool that has no sender set up."""

    smtp: tuple[str, int] | None

    def send_confirmation(self, to: str, digits: str) -> None:
        self._send(to, "Your TrueCrime confirmation code", f"Your confirmation code is {digits}. It is good for a day.")

    def send_invitation(self, to: str, password: str) -> None:
        text = f"An account was opened for you. Your user name is {to}, your temporary password is {password}"
        self._send(to, "Your TrueCrime account", text)

    def _send(self, to: str, subject: str, text: str) -> None:
        if self.smtp is None:
            return
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = _SENDER, to, subject
        message.set_content(text + "\n")
        try:
            # a name of its own: smtplib would ask the DNS for this machine's, which takes seconds where there is none
            with smtplib.SMTP(*self.smtp, local_hostname="truecrime.test", timeout=5) as connection:
                connection.send_message(message)
        except (OSError, smtplib.SMTPException):
            raise Refused("CodeDeliveryFailureException", "The mail could not be delivered.") from None
