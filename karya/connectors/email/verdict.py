"""What the mail server's answers mean for the attempt: pure functions."""

import ssl
from collections.abc import Iterable

from aiosmtplib import (
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from karya.connectors.verdict import on_one_line
from karya.core.outcome import Failure


def failure_of(error: Exception, server: str) -> Failure:
    """The failure behind an error of the conversation with this server.

    A reply from 500 on is permanent (RFC 5321, 4.2.1), and so is what the server cannot do at all.
    """
    match error:
        case SMTPRecipientsRefused(recipients=refused):
            return _all_refused(refused)
        case SMTPResponseException(code=code):
            text = f"{server} says {said(error)}"
            return Failure(text, permanent=500 <= code < 600, code=f"smtp.{code}")
        case SMTPTimeoutError() | TimeoutError():
            return Failure(f"no answer from {server} in time", code="timeout")
        case SMTPServerDisconnected() | ConnectionResetError():
            return Failure(f"{server} closed the connection", code="connection")
        case SMTPNotSupported():
            return Failure(f"{server} cannot do it: {on_one_line(str(error))}", permanent=True, code="smtp")
        case OSError():
            return _no_connection(error, server)
        case SMTPException():
            # No reply of the server: it offers no STARTTLS, or no way to log in that we know.
            return Failure(f"{server}: {on_one_line(str(error))}", permanent=True, code="smtp")
        case _:
            return Failure(
                f"the email cannot be sent: {on_one_line(str(error))}", permanent=True, code="request"
            )


def said(reply: SMTPResponseException) -> str:
    """A reply on one line: `550 no such mailbox`."""
    return f"{reply.code} {on_one_line(reply.message)}"


def _all_refused(refused: Iterable[SMTPRecipientRefused]) -> Failure:
    replies = {each.recipient: each for each in refused}
    text = on_one_line("; ".join(f"{name}: {said(reply)}" for name, reply in replies.items()), 1000)
    permanent = all(reply.code >= 500 for reply in replies.values())
    first = next((reply.code for reply in replies.values() if permanent or reply.code < 500), 0)
    return Failure(f"every recipient was refused: {text}", permanent=permanent, code=f"smtp.{first}")


def _no_connection(error: OSError, server: str) -> Failure:
    cause = error.__cause__ or error
    match cause:
        case ssl.SSLCertVerificationError():
            text = f"the certificate of {server} is not trusted: {cause.verify_message}"
            return Failure(text, code="tls")
        case ssl.SSLError():
            return Failure(f"TLS with {server} failed: {on_one_line(str(cause))}", code="tls")
        case _:
            return Failure(f"no connection to {server}: {on_one_line(str(cause))}", code="connection")
