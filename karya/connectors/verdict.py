"""What an HTTP answer, or the lack of one, means for the attempt: pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientPayloadError,
    ClientResponseError,
    ClientSSLError,
    InvalidURL,
    ServerDisconnectedError,
)

from karya.core.errorlog import shorten
from karya.core.outcome import Failure, Outcome, Success

RETRYABLE = frozenset({408, 425, 429})
LONGEST_RETRY_AFTER = timedelta(days=1)
QUOTED_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with the start of its body; header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool

    @property
    def text(self) -> str:
        """The body as text; one that is compressed although nobody asked for it is left out."""
        encoding = self.headers.get("content-encoding", "identity").lower()
        if encoding != "identity" and self.body:
            return f"[a body with content-encoding {_plain(encoding)}, not kept]"
        return self.body.decode(errors="replace")

    @property
    def result(self) -> dict[str, Any]:
        """What is kept with the task."""
        return {"status": self.status, "body": self.text, "truncated": self.truncated}


def outcome_of(answer: Answer, now: float) -> Outcome:
    """Success for 2xx. 408, 425, 429 and 5xx are worth another try, everything else is permanent.

    `now` (seconds since the Unix epoch) is what a Retry-After date counts from.
    """
    status = answer.status
    if 200 <= status < 300:
        return Success(answer.result)
    return Failure(
        _complaint(answer),
        permanent=status < 500 and status not in RETRYABLE,
        retry_after=retry_after(answer.headers.get("retry-after", ""), now) if status in (429, 503) else None,
        result=answer.result,
    )


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
    """The failure behind an error of the network or of aiohttp; names neither credentials nor the path."""
    match error:
        case InvalidURL():
            return Failure("the URL cannot be used", permanent=True)
        case ClientConnectorDNSError():
            return Failure(f"cannot resolve the host {error.host}")
        case ClientConnectorCertificateError():
            return Failure(f"the certificate of {error.host}:{error.port} is not trusted")
        case ClientSSLError():
            return Failure(f"TLS with {error.host}:{error.port} failed: {_plain(str(error.os_error))}")
        case ClientConnectorError(os_error=ConnectionRefusedError()):
            return Failure(f"connection refused by {error.host}:{error.port}")
        case ClientConnectorError():
            return Failure(f"cannot connect to {error.host}:{error.port}: {error.strerror or error.os_error}")
        case ServerDisconnectedError():
            return Failure("the connection was closed before an answer came")
        case ConnectionResetError() | BrokenPipeError() | OSError(errno=104):
            return Failure("the connection was reset")
        case ClientPayloadError():
            return Failure("the connection broke off in the middle of the answer")
        case ClientResponseError():
            return Failure(f"no valid HTTP answer: {_plain(error.message)}")
        case ValueError():
            return Failure(f"the request cannot be sent: {_plain(str(error))}", permanent=True)
        case _:
            return Failure(f"{type(error).__name__}: {_plain(str(error))}")


def _complaint(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        location = _plain(answer.headers.get("location", "nowhere"))
        return f"status {answer.status}: a redirect to {location}, which is not followed"
    quote = _plain(answer.text)
    return f"status {answer.status}: {quote}" if quote else f"status {answer.status}"


def _plain(text: str) -> str:
    """One printable line: what a stranger sent ends up in logs and on terminals."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return shorten(" ".join(printable.split()), QUOTED_CHARACTERS)
