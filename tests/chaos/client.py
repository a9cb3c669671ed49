"""A client as it should be: it asks with a key until it is answered, and remembers when it was."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

_PAUSE = 0.3
_TIMEOUT = 10.0


class Refused(Exception):
    """The request was answered with a 4xx that no repetition changes."""

    def __init__(self, status: int, answer: object) -> None:
        super().__init__(f"{status}: {answer}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Told:
    """When a client first asked and when it was answered, in milliseconds; None: it gave up before."""

    sent: int
    acked: int | None
    answer: Mapping[str, Any]


class Client:
    """Asks the gateway. One for a whole run, whatever happens to the gateway meanwhile."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.refusals: list[tuple[int, str]] = []
        """When the gateway said 503 or the like, and what it said."""
        self.unanswered = 0
        """How often nobody answered at all."""
        self._session: ClientSession | None = None

    async def __aenter__(self) -> "Client":
        self._session = ClientSession(
            timeout=ClientTimeout(total=_TIMEOUT), connector=TCPConnector(limit=50, force_close=False)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def post(self, path: str, body: Any = None, *, tries: int | None = None) -> Told:
        """Asks until it is answered with success, or so many times. Raises Refused."""
        key, sent, tried = str(uuid.uuid4()), now(), 0
        while tries is None or tried < tries:
            tried += 1
            found = await self._ask(path, body, key)
            if found is not None:
                status, answer = found
                if status < 400:
                    return Told(sent, now(), answer)
                if status < 500 and status != 429:
                    raise Refused(status, answer)
                self.refusals.append((now(), str(answer.get("detail", answer))))
            await asyncio.sleep(_PAUSE)
        return Told(sent, None, {})

    async def _ask(self, path: str, body: Any, key: str) -> tuple[int, Any] | None:
        assert self._session is not None
        try:
            headers = {"idempotency-key": key}
            async with self._session.post(self.url + path, json=body, headers=headers) as response:
                return response.status, await response.json(content_type=None)
        except (ClientError, OSError, TimeoutError, ValueError):
            self.unanswered += 1
            return None


def now() -> int:
    """The wall clock in whole milliseconds."""
    return round(time.time() * 1000)
