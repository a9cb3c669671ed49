"""The clients: all operations, awaited or blocking."""

import os
import ssl
import weakref
from collections.abc import Mapping
from typing import Self

from karya.client.accounts import AccountCalls
from karya.client.blocking import BlockingTransport
from karya.client.events import EventCalls
from karya.client.jobs import JobCalls
from karya.client.letters import LetterCalls
from karya.client.many import ManyCalls
from karya.client.operation import Awaiting, Blocking
from karya.client.standing import StandingCalls
from karya.client.transport import HttpTransport, authorization, checked_url

TOKEN = "KARYA_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the token, where none is given."""
SECONDS = 30.0


class _Calls(JobCalls, ManyCalls, LetterCalls, StandingCalls, AccountCalls, EventCalls):
    """Everything that can be asked."""

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return self._transport.url

    def __repr__(self) -> str:
        return f"karya.{type(self).__name__}({self.url!r})"


class AsyncClient(_Calls, Awaiting):
    """A cluster over HTTP, for asyncio programs. Use it in one event loop, and close it there.

    `url` is the gateway's; `token` proves who asks, by default that of the variable KARYA_TOKEN. One try
    takes up to `timeout` seconds. What failed and can do no harm is tried again, the last time `patience`
    seconds after the first; 0 means never. `context` is for a gateway behind TLS whose certificate is not one
    of the well-known. Raises ConfigError for a wrong URL or token; what the operations raise is in
    `karya.core.errors`, and Unavailable may come from each of them.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = SECONDS,
        patience: float = SECONDS,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._patience = patience
        self._http = HttpTransport(checked_url(url), _shown(token), timeout, context)
        self._transport = self._http

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections. Idempotent."""
        await self._http.close()


class Client(_Calls, Blocking):
    """A cluster over HTTP, for programs whose calls block; any number of threads may share it.

    The parameters are those of `AsyncClient`. A program that ends need not close it.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = SECONDS,
        patience: float = SECONDS,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._patience = patience
        line = BlockingTransport(checked_url(url), _shown(token), timeout, context)
        self._transport = line
        self._closing = weakref.finalize(self, line.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections. Idempotent."""
        self._closing()


def _shown(token: str | None) -> Mapping[str, str]:
    return authorization(os.environ.get(TOKEN) if token is None else token)
