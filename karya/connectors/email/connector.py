"""Hands the message of an email action to the mail server."""

import asyncio
import platform
import ssl
from contextlib import suppress
from email.message import EmailMessage

from aiosmtplib import SMTP, SMTPException

from karya.connectors.base import BaseConnector
from karya.connectors.email.action import EmailAction
from karya.connectors.email.fields import parsed_address
from karya.connectors.email.message import message_of, recipients_of
from karya.connectors.email.settings import EmailSettings
from karya.connectors.email.verdict import failure_of
from karya.connectors.redacted import redacted
from karya.connectors.verdict import on_one_line
from karya.core.outcome import Failure, Outcome, Success
from karya.core.ports import AttemptContext, Tools

QUIT_SECONDS = 1.0


class EmailConnector(BaseConnector[EmailAction, EmailSettings]):
    """Sends one email per attempt on a connection of its own, all within `connectors.email.timeout`.

    A server that was lost after it had the whole text may have sent it: the attempt fails then and the
    email may go out twice, with one Message-ID. That some recipients were refused is a success which
    says so, because another attempt would reach the others again.
    """

    action_type = EmailAction
    settings_type = EmailSettings

    def __init__(self, settings: EmailSettings) -> None:
        super().__init__(settings)
        self._server = f"{settings.host}:{settings.server_port}"
        self._tls: ssl.SSLContext | None = None
        self._opened = False
        self._now = Tools().now

    async def open(self, tools: Tools) -> None:
        """Reads the certificates. Raises ConfigError for a `ca_file` that is no use."""
        self._tls = self.settings.tls_context()
        self._opened = True
        self._now = tools.now

    async def run(self, action: EmailAction, context: AttemptContext) -> Outcome:
        """Success with what the server said; every failure is a Failure."""
        if not self._opened:
            raise RuntimeError("the email connector is not open")
        try:
            message = message_of(action, context, self.settings.sender, self._now())
            recipients = recipients_of(action)
        except ValueError as error:
            return Failure(
                f"the email cannot be written: {on_one_line(str(error))}", permanent=True, code="request"
            )
        outcome = await self._deliver(message, recipients)
        return redacted(outcome, self.settings.password) if isinstance(outcome, Failure) else outcome

    async def _deliver(self, message: EmailMessage, recipients: list[str]) -> Outcome:
        client = self._new_client()
        seconds = self.settings.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds) as deadline:
                await client.connect()
                outcome = await self._send(client, message, recipients)
            await _take_leave(client)
        except (SMTPException, OSError, ValueError) as error:
            if deadline.expired():
                return Failure(f"timed out after {seconds:g} s", code="timeout")
            return failure_of(error, self._server)
        finally:
            client.close()
        return outcome

    async def _send(self, client: SMTP, message: EmailMessage, recipients: list[str]) -> Success:
        sender = parsed_address(self.settings.sender).addr_spec
        refused, reply = await client.send_message(message, sender=sender, recipients=recipients)
        return Success(
            {
                "message_id": str(message["Message-ID"]),
                "accepted": [address for address in recipients if address not in refused],
                "refused": {
                    address: f"{answer.code} {on_one_line(answer.message)}"
                    for address, answer in refused.items()
                },
                "reply": on_one_line(reply),
            }
        )

    def _new_client(self) -> SMTP:
        settings = self.settings
        return SMTP(
            hostname=settings.host,
            port=settings.server_port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            # Not left to aiosmtplib: it would ask the name service.
            local_hostname=settings.local_name or _machine(),
            timeout=settings.timeout.total_seconds(),
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._tls,
        )


def _machine() -> str:
    name = platform.node()
    return name if name.isascii() and name.replace("-", "").replace(".", "").isalnum() else "localhost"


async def _take_leave(client: SMTP) -> None:
    """Says goodbye; the email is delivered whatever comes of it."""
    with suppress(SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(QUIT_SECONDS):
            await client.quit()
