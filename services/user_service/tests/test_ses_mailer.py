"""The mailer through the vendor's SDK, against the mail stand-in and against nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.mail.app import create_app
from sandbox.mail.mailbox import Mailbox
from sandbox.servers.ports import free_port
from sandbox.servers.served import served
from user_service.domain.errors import MailRefused, MailUnavailable
from user_service.infrastructure.ses_mailer import SesMailer

pytestmark = pytest.mark.anyio
SENDER = "TrueCrime <no-reply@truecrime.test>"


@pytest.fixture
def mailbox(tmp_path: Path, keys: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """Serve the stand-in, and point the SDK to it."""
    with served(create_app(directory=tmp_path, smtp_port=free_port()), free_port()) as url:
        keys.setenv("AWS_ENDPOINT_URL_SESV2", url)
        yield Mailbox(tmp_path)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give the SDK credentials, and leave the environment open to a test."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    return monkeypatch


@pytest.fixture
def mailer() -> SesMailer:
    return SesMailer(region="eu-west-2", sender=SENDER)


async def test_a_mail_arrives_as_it_was_written_and_what_is_refused_names_nobody(
    mailbox: Mailbox, mailer: SesMailer
) -> None:
    provider_id = await mailer.send("ann@truecrime.test", "Änderung", "Ihr Plan läuft.\n\nTrueCrime\n")
    [mail] = mailbox.newest()
    assert (mail.id, mail.sender, mail.to, mail.subject) == (provider_id, SENDER, ("ann@truecrime.test",), "Änderung")
    assert mail.text == "Ihr Plan läuft.\n\nTrueCrime\n"
    with pytest.raises(MailRefused) as refused:
        await mailer.send("complaint@simulator.amazonses.com", "Hello", "Hello\n")
    assert (refused.value.reason, "@" in str(refused.value)) == ("MessageRejected", False)
    await mailer.close()


async def test_where_nobody_answers_the_mail_waits(mailer: SesMailer, keys: pytest.MonkeyPatch) -> None:
    keys.setenv("AWS_ENDPOINT_URL_SESV2", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(MailUnavailable) as unavailable:
        await mailer.send("ann@truecrime.test", "Hello", "Hello\n")
    assert unavailable.value.reason == "EndpointConnectionError"
    await mailer.close()
