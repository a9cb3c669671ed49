"""A real mail server on loopback (aiosmtpd) which keeps every email and refuses as it is told to."""

import asyncio
import ssl
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True)
class Mail:
    """One email as it arrived."""

    sender: str
    recipients: list[str]
    raw: bytes
    secure: bool
    """Whether it came over TLS."""
    login: str

    @property
    def message(self) -> EmailMessage:
        """The email, parsed."""
        return cast(EmailMessage, message_from_bytes(self.raw, policy=default))


class MailServer:
    """In the test's own loop: `async with MailServer() as server`.

    `refusals` are replies by recipient; `at_sender` and `at_data` are replies to the sender and to the
    text. `silent` names commands (`EHLO`, `DATA`, `QUIT`) that are never answered; `reached` is set when
    one of them came.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.port = 0
        self.mails: list[Mail] = []
        self.refusals: dict[str, str] = {}
        self.at_sender = self.at_data = ""
        self.silent: set[str] = set()
        self.reached = asyncio.Event()
        self._tls, self._starttls, self._users = tls, starttls, dict(users or {})
        self._server: asyncio.Server | None = None
        self.connections: set[_Connection] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self.connections):
            connection.abort()
        await self._server.wait_closed()

    async def at(self, command: str) -> None:
        """Never returns when this command is to be left unanswered."""
        if command in self.silent:
            self.reached.set()
            await asyncio.Event().wait()

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, method: str, given: Any
    ) -> AuthResult:
        """Whether the user is known."""
        assert isinstance(given, LoginPassword)
        user, password = given.login.decode(), given.password.decode()
        if self._users.get(user) != password:
            return AuthResult(success=False, handled=False, message=f"535 no entry with {password}")
        return AuthResult(success=True, auth_data=user)

    def _connection(self) -> "_Connection":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # logins without TLS are dangerous elsewhere
            return _Connection(self, self._starttls, bool(self._users))


class _Connection(SMTP):
    def __init__(self, server: MailServer, starttls: ssl.SSLContext | None, users: bool) -> None:
        super().__init__(
            _Handler(server),
            hostname="mail.test",
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=users,
            auth_require_tls=False,
            authenticator=server.login if users else None,
            loop=asyncio.get_running_loop(),
        )
        self._all = server.connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._all.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._all.discard(self)
        super().connection_lost(error)

    def abort(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


class _Handler:
    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        await self._server.at("EHLO")
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._server.at_sender:
            return self._server.at_sender
        envelope.mail_from = address
        return "250 sender ok"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._server.refusals:
            return self._server.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 recipient ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await self._server.at("DATA")
        if self._server.at_data:
            return self._server.at_data
        secure = server.transport is not None and server.transport.get_extra_info("sslcontext") is not None
        self._server.mails.append(
            Mail(
                sender=envelope.mail_from or "",
                recipients=list(envelope.rcpt_tos),
                raw=cast(bytes, envelope.content),
                secure=secure,
                login=str(session.auth_data or ""),
            )
        )
        return "250 queued as 1"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await self._server.at("QUIT")
        return "221 bye"
