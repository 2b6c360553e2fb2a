"""The mail stand-in: an SMTP server and SES's API that keep what they get, and pages to read it."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.mail.mailbox import Mail, Mailbox
from sandbox.mail.ses import ses_routes
from sandbox.mail.smtp import listening
from sandbox.pages.pages import page

_TEMPLATES = Path(__file__).parent / "templates"


def create_app(*, directory: Path, smtp_port: int) -> Starlette:
    """Serve the mailbox in `directory`; SMTP listens on `smtp_port` from the application's start to its end."""
    mailbox = Mailbox(directory)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with listening(mailbox, smtp_port):
            yield

    return Starlette(routes=[*_pages(mailbox), *_control(mailbox), *ses_routes(mailbox)], lifespan=lifespan)


def _pages(mailbox: Mailbox) -> list[Route]:
    def mails(request: Request) -> Response:
        to = request.query_params.get("to", "").strip()
        found = mailbox.newest(to=to or None)
        return page(_TEMPLATES, "mails.html.jinja", mails=found, to=to, total=len(mailbox.ids()))

    def mail(request: Request) -> Response:
        return page(_TEMPLATES, "mail.html.jinja", mail=_found(mailbox, request))

    def source(request: Request) -> Response:
        _found(mailbox, request)
        raw = (mailbox.directory / f"{request.path_params['id']}.eml").read_bytes()
        return Response(raw, media_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})

    def empty(_: Request) -> Response:
        mailbox.empty()
        return RedirectResponse("/", 303)

    return [
        Route("/", mails),
        Route("/messages/{id}", mail),
        Route("/messages/{id}/source", source),
        Route("/empty", empty, methods=["POST"]),
    ]


def _control(mailbox: Mailbox) -> list[Route]:
    def messages(request: Request) -> Response:
        return _json([_written(mail) for mail in mailbox.newest(to=request.query_params.get("to"))])

    def message(request: Request) -> Response:
        return _json(_written(_found(mailbox, request)))

    def remove(request: Request) -> Response:
        return _json({"removed": mailbox.empty(to=request.query_params.get("to"))})

    return [
        Route("/_sandbox/messages", messages),
        Route("/_sandbox/messages", remove, methods=["DELETE"]),
        Route("/_sandbox/messages/{id}", message),
    ]


def _found(mailbox: Mailbox, request: Request) -> Mail:
    if mail := mailbox.find(request.path_params["id"]):
        return mail
    raise HTTPException(404, "There is no such mail.")


def _written(mail: Mail) -> dict[str, Any]:
    return {
        "id": mail.id,
        "from": mail.sender,
        "to": list(mail.to),
        "subject": mail.subject,
        "received_at": mail.received_at,
        "text": mail.text,
    }


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json", headers={"Cache-Control": "no-store"})
