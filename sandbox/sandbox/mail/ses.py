"""SendEmail of Amazon SES v2, as an AWS SDK calls it: what it takes goes into the mailbox."""

import uuid
from email.message import EmailMessage
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.mail.mailbox import Mailbox

_REFUSED_ADDRESS = "complaint@simulator.amazonses.com"
"""An address of SES's own simulator; here it stands for whomever SES will not write to."""


class _Refused(Exception):
    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def ses_routes(mailbox: Mailbox) -> list[Route]:
    """Return the one route of the API that our services call. Any AWS credentials will do."""

    async def send_email(request: Request) -> Response:
        raw, authorization = await request.body(), request.headers.get("authorization", "")
        try:
            to, content = _read(raw, authorization)
        except _Refused as refusal:
            headers = {"x-amzn-errortype": refusal.kind}
            status = 403 if refusal.kind == "MissingAuthenticationTokenException" else 400
            return _answer({"message": str(refusal)}, status, headers)
        return _answer({"MessageId": await run_in_threadpool(mailbox.keep, to, content)})

    return [Route("/v2/email/outbound-emails", send_email, methods=["POST"])]


def _read(raw: bytes, authorization: str) -> tuple[list[str], bytes]:
    if not authorization.startswith("AWS4-HMAC-SHA256 "):
        raise _Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    try:
        asked: dict[str, Any] = orjson.loads(raw)
        to, simple = list(asked["Destination"]["ToAddresses"]), asked["Content"]["Simple"]
        message = EmailMessage()
        message["From"], message["To"] = asked["FromEmailAddress"], ", ".join(to)
        message["Subject"] = simple["Subject"]["Data"]
        message["Message-ID"] = f"<{uuid.uuid4()}@sandbox.test>"
        message.set_content(simple["Body"]["Text"]["Data"])
    except (KeyError, TypeError, ValueError):
        raise _Refused("BadRequestException", "The sandbox takes simple text mails alone.") from None
    if not to or _REFUSED_ADDRESS in to:
        raise _Refused("MessageRejected", "Email address is on the suppression list.")
    return to, message.as_bytes()


def _answer(content: dict[str, str], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
