"""What a Retry-After header, or the lack of an answer, means for the attempt: pure functions."""

from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientPayloadError,
    ClientResponseError,
    ClientSSLError,
    ConnectionTimeoutError,
    InvalidURL,
    ServerDisconnectedError,
)

from karya.core.errorlog import shorten
from karya.core.outcome import Failure

LONGEST_RETRY_AFTER = timedelta(days=1)
QUOTED_CHARACTERS = 200


def retry_after(text: str, now: float) -> timedelta | None:
    """The wait that a Retry-After header asks for (seconds or an HTTP date), at most one day."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        # Ten digits are three centuries: cut before int() refuses a number of absurd length.
        seconds = float(text if len(text) <= 10 else text[:10])
    else:
        try:
            date = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        seconds = date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now
    if seconds <= 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST_RETRY_AFTER.total_seconds()))


def failure_of(error: Exception) -> Failure:
    """The failure behind an error of the network or of aiohttp; names neither credentials nor the path.

    Its code is `connection`, `tls`, `answer` (what came is no HTTP), `request` (it cannot be sent) or
    `error`.
    """
    match error:
        case InvalidURL():
            return Failure("the URL cannot be used", permanent=True, code="request")
        case ClientConnectorCertificateError():
            return Failure(f"the certificate of {error.host}:{error.port} is not trusted", code="tls")
        case ClientSSLError():
            reason = on_one_line(str(error.os_error))
            return Failure(f"TLS with {error.host}:{error.port} failed: {reason}", code="tls")
        case ClientPayloadError():
            return Failure("the connection broke off in the middle of the answer", code="connection")
        case ClientResponseError():
            return Failure(f"no valid HTTP answer: {on_one_line(error.message)}", code="answer")
        case ValueError():
            text = f"the request cannot be sent: {on_one_line(str(error))}"
            return Failure(text, permanent=True, code="request")
        case OSError() | ServerDisconnectedError():
            return Failure(_broken(error), code="connection")
        case _:
            return Failure(f"{type(error).__name__}: {on_one_line(str(error))}")


def _broken(error: Exception) -> str:
    match error:
        case ClientConnectorDNSError():
            return f"cannot resolve the host {error.host}"
        case ClientConnectorError(os_error=ConnectionRefusedError()):
            return f"connection refused by {error.host}:{error.port}"
        case ClientConnectorError():
            return f"cannot connect to {error.host}:{error.port}: {error.strerror or error.os_error}"
        case ConnectionTimeoutError():
            return "no connection within connectors.rest.connect_timeout"
        case ServerDisconnectedError():
            return "the connection was closed before an answer came"
        case ConnectionResetError() | BrokenPipeError() | OSError(errno=104):
            return "the connection was reset"
        case _:
            return f"{type(error).__name__}: {on_one_line(str(error))}"


def on_one_line(text: str, longest: int = QUOTED_CHARACTERS) -> str:
    """One printable line: what a stranger sent ends up in logs and on terminals."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return shorten(" ".join(printable.split()), longest)
