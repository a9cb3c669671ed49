"""Requests that may be repeated: the same key answers the same (issue 3, `Idempotency-Key`)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Fresh:
    """The request has no answer yet: make it, under this identity, which every repetition of it shares."""

    minted_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What the request was answered."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Misused:
    """The key has been used for another request."""


Standing = Fresh | Answered | Misused


class RequestLog(Protocol):
    """What was answered to requests with a key, for 24 hours."""

    async def begin(self, owner: str, key: str, fingerprint: str, now: datetime) -> Standing:
        """How the request stands whose content has this fingerprint. A request whose first try died before
        its answer was written is Fresh again, under the identity of that try."""

    async def finish(self, owner: str, key: str, answer: Answered) -> None:
        """Keeps the answer for the next time; of the same request sent twice at once, the first one."""
