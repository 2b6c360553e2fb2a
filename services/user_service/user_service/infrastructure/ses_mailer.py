"""E-mail by Amazon SES, through its SDK and in threads of its own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from common_service.tracing import calling
from user_service.domain.errors import MailRefused, MailUnavailable
from user_service.infrastructure.aws_clients import aws_client

log = structlog.get_logger("mail")
_REFUSED = frozenset(
    {"MessageRejected", "BadRequestException", "NotFoundException", "MailFromDomainNotVerifiedException"}
)
_THREADS = 4


class SesMailer:
    """Sends plain text from `sender`. The client is made with the first e-mail: most processes send none."""

    def __init__(self, *, region: str, sender: str) -> None:
        self._region, self._sender = region, sender
        self._client: Any = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ses")

    async def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, address: str, subject: str, text: str) -> str:
        """Send one e-mail. Raises MailUnavailable, MailRefused; neither names the address."""
        try:
            with calling("ses"):
                return await asyncio.get_running_loop().run_in_executor(
                    self._threads, self._send, address, subject, text
                )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            if code in _REFUSED:
                raise MailRefused(code) from None
            raise MailUnavailable(code) from None
        except BotoCoreError as error:
            raise MailUnavailable(type(error).__name__) from None

    def _send(self, address: str, subject: str, text: str) -> str:
        if self._client is None:
            self._client = aws_client("sesv2", region=self._region)
        answer = self._client.send_email(
            FromEmailAddress=self._sender,
            Destination={"ToAddresses": [address]},
            Content={"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text, "Charset": "UTF-8"}}}},
        )
        return str(answer["MessageId"])
