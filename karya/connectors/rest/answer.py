"""An HTTP answer: how it is read, what is kept of it, what it means for the attempt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import ClientResponse

from karya.connectors.verdict import on_one_line, retry_after
from karya.core.action import RestAction
from karya.core.http_fields import status_in
from karya.core.outcome import Failure, Outcome, Success

KEPT_BYTES = 64 * 1024
"""How much of an answer's body is looked at; the result that is made of it has at most as much JSON."""
READ_BYTES = KEPT_BYTES + 64 * 1024
"""How much of a body is read so that the connection can be used again; a longer one is cut off."""
KEPT_HEADERS = ("content-type", "etag", "last-modified", "link", "location", "retry-after", "x-request-id")
RETRYABLE = frozenset({408, 425, 429})
_HEADER_CHARACTERS = 1000
_ENVELOPE_BYTES = 128


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
            return f"[a body with content-encoding {on_one_line(encoding)}, not kept]"
        return self.body.decode(errors="replace")

    @property
    def result(self) -> dict[str, Any]:
        """What is kept with the task: status, some headers, the body as JSON or text, all within 64 KiB."""
        headers = {
            name: on_one_line(self.headers[name], _HEADER_CHARACTERS)
            for name in KEPT_HEADERS
            if name in self.headers
        }
        room = KEPT_BYTES - _ENVELOPE_BYTES - len(orjson.dumps(headers))
        body, cut = self._json_within(room), False
        if body is None:
            body, cut = _text_within(self.text, room)
        return {
            "status": self.status,
            "headers": headers,
            "body": body,
            "truncated": self.truncated or cut,
        }

    def _json_within(self, room: int) -> Any:
        """The body parsed, if it is JSON, whole and not too large; None otherwise."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self.truncated or not (kind == "application/json" or kind.endswith("+json")):
            return None
        try:
            parsed = orjson.loads(self.body)
            return parsed if len(orjson.dumps(parsed)) <= room else None
        except (ValueError, TypeError):  # TypeError: nested deeper than orjson writes
            return None


async def read_answer(response: ClientResponse) -> Answer:
    """The answer with up to 64 KiB of its body; what follows is thrown away, and a long rest is not read."""
    body, rest = bytearray(), READ_BYTES
    while rest > 0 and (chunk := await response.content.read(rest)):
        rest -= len(chunk)
        body += chunk
    return Answer(response.status, response.headers, bytes(body[:KEPT_BYTES]), len(body) > KEPT_BYTES)


def outcome_of(action: RestAction, answer: Answer, now: float) -> Outcome:
    """Success for an expected status. 408, 425, 429 and 5xx are worth another try, others are permanent.

    `now` (seconds since the Unix epoch) is what a Retry-After date counts from.
    """
    status, headers = answer.status, answer.headers
    kept = answer.result if action.capture == "body" else {"status": status}
    if status_in(status, action.expect):
        return Success(kept)
    return Failure(
        _complaint(action, answer),
        permanent=status < 500 and status not in RETRYABLE,
        code=f"http.{status}",
        retry_after=retry_after(headers.get("retry-after", ""), now) if status in (429, 503) else None,
        result=kept,
    )


def _complaint(action: RestAction, answer: Answer) -> str:
    if 300 <= answer.status < 400:
        location = on_one_line(answer.headers.get("location", "nowhere"))
        return f"status {answer.status}: a redirect to {location}, which is not followed"
    quote = on_one_line(answer.text) if action.capture == "body" else ""
    return f"status {answer.status}: {quote}" if quote else f"status {answer.status}"


def _text_within(text: str, room: int) -> tuple[str, bool]:
    """The longest start of a text that takes no more bytes than this as JSON, and whether it was cut."""
    if len(orjson.dumps(text)) <= room:
        return text, False
    low, high = 0, min(len(text), room)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(orjson.dumps(text[:middle])) <= room else (low, middle - 1)
    return text[:low], True
