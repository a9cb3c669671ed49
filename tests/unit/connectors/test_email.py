"""The email connector against a real mail server: what arrives there, and what its replies come to."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from karya.connectors.email import EmailAction, EmailConnector, EmailSettings
from karya.core.action import Action
from karya.core.errors import ConfigError
from karya.core.outcome import Failure, Success
from tests.support.mail import Mail, MailServer
from tests.unit.connectors.conformance import CONTEXT, TOOLS, Conformance
from tests.unit.connectors.rest_kit import free_port

PASSWORD = "geheim-und-lang"


def settings(server: MailServer, **fields: Any) -> EmailSettings:
    given = {
        "host": "127.0.0.1",
        "port": server.port,
        "security": "none",
        "sender": "Karya <karya@example.com>",
    }
    return EmailSettings.model_validate(given | fields)


def email(**fields: Any) -> EmailAction:
    given = {"to": "ada@example.com", "subject": "Hello", "text": "Good morning"}
    return EmailAction.model_validate(given | fields)


@asynccontextmanager
async def opened(configured: EmailSettings) -> AsyncIterator[EmailConnector]:
    connector = EmailConnector(configured)
    await connector.open(TOOLS)
    yield connector
    await connector.close()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


@pytest.fixture
async def connector(server: MailServer) -> AsyncIterator[EmailConnector]:
    async with opened(settings(server)) as connector:
        yield connector


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def failure(connector: EmailConnector, action: EmailAction | None = None) -> Failure:
    outcome = await connector.run(action or email(), CONTEXT)
    assert isinstance(outcome, Failure), outcome
    return outcome


async def sent(server: MailServer, connector: EmailConnector, action: EmailAction) -> Mail:
    outcome = await connector.run(action, CONTEXT)
    assert isinstance(outcome, Success), outcome
    return server.mails[-1]


class TestEmail(Conformance):
    @pytest.fixture(autouse=True)
    async def _server(self, server: MailServer) -> None:
        self.server = server

    def connector(self) -> EmailConnector:
        return EmailConnector(settings(self.server))

    def good_action(self) -> Action:
        return email(cc=["b@example.com"], html="<p>x</p>", headers={"X-Own": "1"})

    def stuck_action(self) -> Action:
        self.server.silent = {"DATA"}
        return email()

    async def is_running(self) -> None:
        await asyncio.wait_for(self.server.reached.wait(), 30)

    def bad_actions(self) -> list[Action]:
        self.server.refusals["ada@example.com"] = "550 unknown"
        return [email()]


async def test_what_arrives(server: MailServer, connector: EmailConnector) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    mail = await sent(
        server,
        connector,
        email(
            to=['"Lovelace, Ada" <ada@example.com>', "bob@example.com"],
            cc="Zoë <zoe@example.com>",
            bcc=["secret@example.com", "ada@example.com"],
            reply_to="help@example.com",
            subject="Grüße 🎉",
            text="Zeile eins\r\nZeile zwei: ü\n.\n",
            headers={"X-Own": "größer"},
        ),
    )
    assert mail.sender == "karya@example.com"
    assert mail.recipients == ["ada@example.com", "bob@example.com", "zoe@example.com", "secret@example.com"]
    message = mail.message
    assert message["From"] == "Karya <karya@example.com>"
    assert message["To"] == '"Lovelace, Ada" <ada@example.com>, bob@example.com'
    assert message["Cc"] == "Zoë <zoe@example.com>"
    assert b"secret@example.com" not in mail.raw
    assert message["Reply-To"] == "help@example.com"
    assert message["Subject"] == "Grüße 🎉"
    assert message["X-Own"] == "größer"
    assert message["Auto-Submitted"] == "auto-generated"
    assert (message["Karya-Task-Id"], message["Karya-Attempt"]) == (CONTEXT.task_id, "2")
    assert before <= parsedate_to_datetime(message["Date"]) <= datetime.now(UTC)
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == "Zeile eins\nZeile zwei: ü\n.\n"


async def test_text_and_html_are_alternatives(server: MailServer, connector: EmailConnector) -> None:
    message = (await sent(server, connector, email(text="plain ü", html="<p>ü</p>"))).message
    assert message.get_content_type() == "multipart/alternative"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().strip() == "plain ü"
    assert html.get_content().strip() == "<p>ü</p>"


async def test_html_alone(server: MailServer, connector: EmailConnector) -> None:
    message = (await sent(server, connector, email(text=None, html="<p>x</p>"))).message
    assert message.get_content_type() == "text/html"


async def test_the_message_id_is_the_same_on_every_attempt(
    server: MailServer, connector: EmailConnector
) -> None:
    for context in (CONTEXT, replace(CONTEXT, attempt=3, token=9), replace(CONTEXT, task_id="other")):
        await connector.run(email(), context)
    first, again, other = (mail.message["Message-ID"] for mail in server.mails)
    assert first == again == f"<{CONTEXT.task_id}@example.com>"
    assert other != first


async def test_the_result_says_who_got_it(server: MailServer, connector: EmailConnector) -> None:
    server.refusals = {"gone@example.com": "550 no\tsuch mailbox"}
    outcome = await connector.run(email(to=["ada@example.com", "gone@example.com"]), CONTEXT)
    assert outcome == Success(
        {
            "message_id": f"<{CONTEXT.task_id}@example.com>",
            "accepted": ["ada@example.com"],
            "refused": {"gone@example.com": "550 no such mailbox"},
            "reply": "queued as 1",
        }
    )
    assert server.mails[0].recipients == ["ada@example.com"]


@pytest.mark.parametrize(
    ("replies", "permanent", "code"),
    [
        (["550 unknown", "551 gone"], True, "smtp.550"),
        (["550 unknown", "450 later"], False, "smtp.450"),
        (["451 greylisted", "450 later"], False, "smtp.451"),
    ],
)
async def test_all_recipients_refused(
    server: MailServer, connector: EmailConnector, replies: list[str], permanent: bool, code: str
) -> None:
    server.refusals = dict(zip(("a@example.com", "b@example.com"), replies, strict=True))
    refused = await failure(connector, email(to=["a@example.com", "b@example.com"]))
    assert (refused.permanent, refused.code) == (permanent, code)
    assert all(reply in refused.error for reply in replies)
    assert not server.mails


@pytest.mark.parametrize(
    ("where", "reply", "permanent"),
    [
        ("at_sender", "550 not you", True),
        ("at_sender", "451 not now", False),
        ("at_data", "554 spam", True),
        ("at_data", "452 disk full", False),
    ],
)
async def test_a_reply_decides_by_its_first_digit(
    server: MailServer, connector: EmailConnector, where: str, reply: str, permanent: bool
) -> None:
    setattr(server, where, reply)
    refused = await failure(connector)
    assert (refused.permanent, refused.code) == (permanent, f"smtp.{reply[:3]}")
    assert reply in refused.error
    assert str(server.port) in refused.error


async def test_nobody_listens() -> None:
    nobody = MailServer()
    nobody.port = free_port()
    async with opened(settings(nobody)) as connector:
        refused = await failure(connector)
    assert (refused.permanent, refused.code) == (False, "connection")
    assert f"no connection to 127.0.0.1:{nobody.port}" in refused.error


@pytest.mark.parametrize("command", ["EHLO", "DATA"])
async def test_a_server_that_hangs_costs_no_more_than_the_timeout(server: MailServer, command: str) -> None:
    server.silent = {command}
    async with opened(settings(server, timeout="PT0.3S")) as connector:
        begun = time.monotonic()
        refused = await failure(connector)
    assert time.monotonic() - begun < 15
    assert (refused.permanent, refused.code) == (False, "timeout")
    assert refused.error == "timed out after 0.3 s"


async def test_an_email_that_was_taken_is_a_success_without_a_goodbye(server: MailServer) -> None:
    server.silent = {"QUIT"}
    async with opened(settings(server, timeout="PT2S")) as connector:
        assert isinstance(await connector.run(email(), CONTEXT), Success)
    assert len(server.mails) == 1


async def test_login(certificate: ssl.SSLContext, ca_file: str) -> None:
    async with MailServer(starttls=certificate, users={"karya": PASSWORD}) as server:
        given = {"security": "starttls", "ca_file": ca_file, "username": "karya", "password": PASSWORD}
        async with opened(settings(server, **given)) as connector:
            mail = await sent(server, connector, email())
    assert mail.secure
    assert mail.login == "karya"


async def test_a_log_of_level_debug_holds_no_secret(
    certificate: ssl.SSLContext, ca_file: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    caplog.set_level("ERROR", "mail")  # aiosmtpd's, the server's own
    async with MailServer(starttls=certificate, users={"karya": PASSWORD}) as server:
        given = {"security": "starttls", "ca_file": ca_file, "username": "karya", "password": PASSWORD}
        async with opened(settings(server, **given)) as connector:
            await sent(server, connector, email(text="between us"))
    assert PASSWORD not in caplog.text
    assert "between us" not in caplog.text


async def test_a_refused_login_is_permanent_and_tells_no_password(
    certificate: ssl.SSLContext, ca_file: str
) -> None:
    async with MailServer(starttls=certificate, users={"karya": "another"}) as server:
        given = {"security": "starttls", "ca_file": ca_file, "username": "karya", "password": PASSWORD}
        async with opened(settings(server, **given)) as connector:
            refused = await failure(connector)
    assert (refused.permanent, refused.code) == (True, "smtp.535")
    assert "no entry with …" in refused.error
    assert PASSWORD not in refused.error


async def test_tls_from_the_first_byte(certificate: ssl.SSLContext, ca_file: str) -> None:
    async with (
        MailServer(tls=certificate) as server,
        opened(settings(server, security="tls", ca_file=ca_file)) as connector,
    ):
        assert (await sent(server, connector, email())).secure


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_is_checked_unless_told_otherwise(
    certificate: ssl.SSLContext, security: str
) -> None:
    async with MailServer(**{security: certificate}) as server:
        async with opened(settings(server, security=security)) as connector:
            refused = await failure(connector)
        assert (refused.permanent, refused.code) == (False, "tls")
        assert "certificate" in refused.error
        assert not server.mails
        async with opened(settings(server, security=security, verify=False)) as connector:
            assert (await sent(server, connector, email())).secure


async def test_tls_towards_a_server_without_is_no_connection(server: MailServer) -> None:
    async with opened(settings(server, security="tls")) as connector:
        refused = await failure(connector)
    assert (refused.permanent, refused.code) == (False, "tls")


async def test_starttls_is_never_left_out(server: MailServer) -> None:
    async with opened(settings(server, security="starttls")) as connector:
        refused = await failure(connector)
    assert refused.permanent
    assert "STARTTLS" in refused.error
    assert not server.mails


async def test_a_ca_file_that_is_no_use_keeps_the_worker_from_starting(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        configured = EmailSettings(host="mail.test", sender="k@example.com", ca_file=str(path))
        with pytest.raises(ConfigError, match=r"connectors\.email\.ca_file: .*\.pem cannot be used"):
            await EmailConnector(configured).open(TOOLS)


async def test_a_template_that_was_not_filled_in_is_a_permanent_failure(connector: EmailConnector) -> None:
    refused = await failure(connector, email(to="{{steps.find.result}}"))
    assert refused.permanent
    assert "an address such as ada@example.com" in refused.error


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"to": []}, "at least 1 item"),
        ({"to": ["a@example.com"] * 51}, "at most 50 items"),
        ({"to": ["a@example.com"] * 50, "cc": ["b@example.com"] * 50, "bcc": "c@example.com"}, "not 101"),
        ({"to": "a@example.com, b@example.com"}, "an address such as"),
        ({"to": "nobody"}, "an address such as"),
        ({"to": "x@y.z <a@example.com>"}, "an address such as"),
        ({"to": "<a@example.com> b@example.com"}, "an address such as"),
        ({"to": "a@-example.com"}, "an address such as"),
        ({"to": "a@example.com\nbcc: x@example.com"}, "one line"),
        ({"cc": "a@example.com\r"}, "control character"),
        ({"to": "{{steps.a.result}}\nx"}, "one line"),
        ({"reply_to": "a@b\u2028c.com"}, "one line"),
        ({"subject": "a\nb"}, "one line"),
        ({"subject": "a\r\nBcc: x@example.com"}, "control character"),
        ({"subject": "a\x00"}, "control character"),
        ({"subject": "a\u2028b"}, "one line"),
        ({"subject": ""}, "subject"),
        ({"text": None}, "a text, an html, or both"),
        ({"text": "a\x00"}, "control character"),
        ({"html": "\ud800"}, "html"),
        ({"headers": {"X": "a\nb"}}, "one line"),
        ({"headers": {"X\n": "a"}}, "is no header name"),
        ({"headers": {"bCC": "x@example.com"}}, "Karya writes it itself"),
        ({"headers": {"Content-Type": "x"}}, "Karya writes it itself"),
        ({"headers": {"X": "1", "x": "2"}}, "given twice"),
        ({"attachments": []}, "attachments"),
    ],
)
def test_what_is_refused_at_submission(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        email(**fields)


@pytest.mark.parametrize(
    "address", ["a@example.com", "ü@exämple.com", "a.b+c@localhost", "a@[127.0.0.1]", '"X, Y" <a@b.co>']
)
def test_addresses_that_are_fine(address: str) -> None:
    assert email(to=[address]).to == (address,)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"host": "a b"}, "host"),
        ({"sender": "nobody"}, "sender"),
        ({"username": "u"}, "go together"),
        ({"username": "u", "password": PASSWORD, "security": "none"}, "not sent in the clear"),
        ({"security": "none", "ca_file": "x"}, "ca_file has no effect"),
        ({"verify": False, "ca_file": "x"}, "ca_file has no effect"),
        ({"port": 0}, "port"),
    ],
)
def test_settings_that_are_refused(fields: dict[str, Any], problem: str) -> None:
    given = {"host": "mail.example.com", "sender": "karya@example.com"}
    with pytest.raises(ValueError, match=problem) as caught:
        EmailSettings.model_validate(given | fields)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(("security", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
def test_the_port_follows_the_security(security: Any, port: int) -> None:
    assert EmailSettings(host="mail.test", sender="k@example.com", security=security).server_port == port
