"""The mailbox, filled by smtplib and read by its pages and its JSON."""

import asyncio
import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette

from sandbox.mail.app import create_app
from sandbox.servers.errors import CannotStart
from sandbox.servers.ports import free_port


@dataclass(frozen=True)
class Post:
    """A running mailbox: where to send, where to look."""

    url: str
    smtp_port: int
    directory: Path

    def send(self, message: EmailMessage | bytes, to: list[str] | None = None) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=5) as connection:
            if isinstance(message, bytes):
                connection.sendmail("sender@example.com", to or ["someone@example.com"], message)
            else:
                connection.send_message(message, to_addrs=to)

    def messages(self, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx2.get(f"{self.url}/_sandbox/messages", params=query).json()
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    directory, smtp_port = tmp_path_factory.mktemp("mail"), free_port()
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(directory=directory, smtp_port=smtp_port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended at its start"
        time.sleep(0.01)
    yield Post(f"http://127.0.0.1:{listener.getsockname()[1]}", smtp_port, directory)
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def post(running: Post) -> Post:
    httpx2.delete(f"{running.url}/_sandbox/messages")
    return running


def a_mail(
    to: str = "reader@example.com", subject: str = "Hello", text: str = "Your code is 123456.\n"
) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "TrueCrime <no-reply@truecrime.test>", to, subject
    message.set_content(text)
    return message


def test_a_mail_is_kept_as_a_file_and_shown(post: Post) -> None:
    post.send(a_mail(subject="Grüße aus dem Archiv", text="Zeile 1\nZeile 2 — ü\n"))

    [message] = post.messages()

    assert message["to"] == ["reader@example.com"]
    assert message["subject"] == "Grüße aus dem Archiv"
    assert message["text"] == "Zeile 1\nZeile 2 — ü\n"
    assert message["from"] == "TrueCrime <no-reply@truecrime.test>"
    assert message["received_at"].endswith("+00:00")
    assert (post.directory / f"{message['id']}.eml").exists()
    assert "Grüße aus dem Archiv" in httpx2.get(post.url).text
    assert "Zeile 2 — ü" in httpx2.get(f"{post.url}/messages/{message['id']}").text
    assert "Subject: =?utf-8?" in httpx2.get(f"{post.url}/messages/{message['id']}/source").text


def test_the_newest_mail_comes_first_and_one_persons_can_be_picked(post: Post) -> None:
    for number, to in enumerate(["a@example.com", "b@example.com", "A@example.com"]):
        post.send(a_mail(to=to, subject=f"mail {number}"))
    assert [message["subject"] for message in post.messages()] == ["mail 2", "mail 1", "mail 0"]
    assert [message["subject"] for message in post.messages(to="a@Example.com")] == ["mail 2", "mail 0"]
    assert post.messages(to="nobody@example.com") == []
    assert "mail 1" not in httpx2.get(post.url, params={"to": "a@example.com"}).text


def test_recipients_are_the_envelopes(post: Post) -> None:
    post.send(a_mail(to="shown@example.com"), to=["hidden@example.com", "other@example.com"])
    [message] = post.messages(to="other@example.com")
    assert message["to"] == ["hidden@example.com", "other@example.com"]
    assert post.messages(to="shown@example.com") == []


def test_html_is_shown_as_words_and_never_run(post: Post) -> None:
    message = a_mail(subject="<script>alert(1)</script>", text="<img src=x onerror=alert(2)>\n")
    post.send(message)
    html = EmailMessage()
    html["From"], html["To"], html["Subject"] = "x@example.com", "y@example.com", "Only HTML"
    html.set_content(
        "<html><head><style>p{}</style></head><p>One</p><script>alert(3)</script><p>Two &amp; three</p>", "html"
    )
    post.send(html)
    newest, older = post.messages()
    assert newest["text"].split() == ["One", "Two", "&", "three"]
    for address in ("/", f"/messages/{older['id']}", f"/messages/{newest['id']}"):
        page = httpx2.get(f"{post.url}{address}").text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    source = httpx2.get(f"{post.url}/messages/{newest['id']}/source")
    assert source.headers["content-type"].startswith("text/plain")
    assert source.headers["x-content-type-options"] == "nosniff"


def test_the_plain_part_is_preferred(post: Post) -> None:
    message = a_mail(text="the plain words\n")
    message.add_alternative("<p>the rich words</p>", "html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="file.pdf")
    post.send(message)
    assert post.messages()[0]["text"] == "the plain words\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no header at all",
        b"Subject: \xff\xfe\r\n\r\nbody",
        b"Subject: x\r\nContent-Type: text/plain; charset=klingon\r\n\r\nbody \xe9",
        b"Subject: =?utf-8?b?bad?=\r\nFrom: <<>>@@\r\nTo: ,;,\r\nDate: never\r\n\r\nbody",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Content-Type: /;=\r\nMIME-Version: 9\r\nMessage-ID: <[>\r\n\r\nbody",
        b"Content-Type: multipart/alternative\r\n\r\nbody",
        b"Content-Disposition: ;;=x\r\nContent-Type: text/plain; charset*=x'y\r\n\r\nbody",
    ],
)
def test_a_malformed_mail_does_not_break_the_mailbox(post: Post, raw: bytes) -> None:
    post.send(raw)
    post.send(a_mail())
    assert len(post.messages()) == 2
    assert httpx2.get(post.url).status_code == 200
    for message in post.messages():
        assert httpx2.get(f"{post.url}/messages/{message['id']}").status_code == 200


def test_the_mailbox_can_be_emptied(post: Post) -> None:
    for to in ("a@example.com", "b@example.com"):
        post.send(a_mail(to=to))
    gone = httpx2.delete(f"{post.url}/_sandbox/messages", params={"to": "a@example.com"})
    assert gone.json() == {"removed": 1}
    assert len(post.messages()) == 1
    assert httpx2.post(f"{post.url}/empty").status_code == 303
    assert post.messages() == []
    assert "No mail yet" in httpx2.get(post.url).text


@pytest.mark.parametrize("mail_id", ["unknown", "..%2F..%2Fetc%2Fpasswd", "20260101T000000000000Z-00000000"])
def test_an_unknown_mail_is_not_found(post: Post, mail_id: str) -> None:
    for address in (f"/messages/{mail_id}", f"/messages/{mail_id}/source", f"/_sandbox/messages/{mail_id}"):
        assert httpx2.get(f"{post.url}{address}").status_code == 404


def test_mails_outlive_the_mailbox(post: Post) -> None:
    post.send(a_mail(subject="kept"))
    raw = next(post.directory.glob("*.eml")).read_bytes()
    assert raw.startswith(b"X-Envelope-To: reader@example.com\r\n")
    assert b"Subject: kept" in raw


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    async def start(app: Starlette) -> None:
        async with app.router.lifespan_context(app):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=str(port)):
            asyncio.run(start(create_app(directory=tmp_path, smtp_port=port)))
