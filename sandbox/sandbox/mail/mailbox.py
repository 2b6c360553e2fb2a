"""Mails as .eml files in a folder, newest first; what a reader sees of them is text, never their HTML."""

import email
import email.headerregistry as headers
import email.policy
import functools
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

_NAME = re.compile(r"[0-9]{8}T[0-9]{12}Z-[0-9a-f]{8}")
_TIME = "%Y%m%dT%H%M%S%fZ"
_SILENT = frozenset({"script", "style", "head", "title"})
_BREAKS = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "table"})
_STRUCTURED = ("content-type", "content-disposition")


def _registry() -> headers.HeaderRegistry:
    """Read all other headers as plain text: the default policy raises on malformed addresses and message ids."""
    registry = headers.HeaderRegistry()
    registry.registry = {name: registry.registry[name] for name in _STRUCTURED}
    return registry


_POLICY = email.policy.default.clone(header_factory=_registry())


@dataclass(frozen=True, slots=True)
class Mail:
    """One received mail. `to` is who the envelope named, whatever the headers say."""

    id: str
    sender: str
    to: tuple[str, ...]
    subject: str
    received_at: datetime
    text: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The folder. A mail's id is its file's name: the time of arrival, then chance."""

    directory: Path

    def keep(self, to: list[str], content: bytes) -> str:
        """Store a mail as it came, the envelope's recipients in a header of our own."""
        self.directory.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC)
        name = f"{now:{_TIME}}-{uuid.uuid4().hex[:8]}"
        envelope = b"".join(f"X-Envelope-To: {_one_line(address)}\r\n".encode() for address in to)
        fresh = self.directory / f"{name}.new"
        fresh.write_bytes(envelope + content)
        fresh.replace(self._file(name))
        return name

    def ids(self) -> list[str]:
        """All ids, newest first."""
        return sorted((file.stem for file in self.directory.glob("*.eml") if _NAME.fullmatch(file.stem)), reverse=True)

    def find(self, mail_id: str) -> Mail | None:
        if not _NAME.fullmatch(mail_id):
            return None
        file = self._file(mail_id)
        try:
            return _read(file) if file.exists() else None
        except FileNotFoundError:  # removed a moment ago
            return None

    def newest(self, *, to: str | None = None, most: int = 200) -> list[Mail]:
        """The newest mails, to one address only if it is given."""
        wanted = to.strip().lower() if to else None
        found: list[Mail] = []
        for mail_id in self.ids():
            mail = self.find(mail_id)
            if mail and (wanted is None or wanted in (address.lower() for address in mail.to)):
                found.append(mail)
                if len(found) == most:
                    break
        return found

    def empty(self, *, to: str | None = None) -> int:
        """Remove all mails, or those to one address; return how many."""
        doomed = self.ids() if to is None else [mail.id for mail in self.newest(to=to, most=10**6)]
        for mail_id in doomed:
            self._file(mail_id).unlink(missing_ok=True)
        return len(doomed)

    def _file(self, mail_id: str) -> Path:
        return self.directory / f"{mail_id}.eml"


@functools.lru_cache(maxsize=2000)
def _read(file: Path) -> Mail:
    """Parse a mail once: a file never changes, and whoever waits for a code asks for the whole folder again."""
    message = email.message_from_bytes(file.read_bytes(), policy=_POLICY)
    to = tuple(str(address) for address in message.get_all("X-Envelope-To", []))
    del message["X-Envelope-To"]
    received_at = datetime.strptime(file.stem.partition("-")[0], _TIME).replace(tzinfo=UTC)
    headers = tuple((name, str(value)) for name, value in message.items())
    subject = str(message.get("Subject", "")) or "(no subject)"
    return Mail(file.stem, str(message.get("From", "")), to, subject, received_at, _text_of(message), headers)


def _text_of(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        return ""
    payload = body.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        text = raw.decode(body.get_content_charset("utf-8"), errors="replace")
    except LookupError:  # a charset that nobody knows
        text = raw.decode(errors="replace")
    text = text.replace("\r\n", "\n")
    return _words(text) if body.get_content_subtype() == "html" else text


def _words(html: str) -> str:
    reader = _Words()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base's name
        self._silent += tag in _SILENT
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)


def _one_line(text: str) -> str:
    return " ".join(text.split())
