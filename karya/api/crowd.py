"""Back-pressure: more than the gateway can hold in memory is sent away at once, to come again.

While the store is away every request waits for it, and each holds its body. Without a bound, clients that try
again would fill the memory of the process that has to serve them when the store is back.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from karya.api.problems import problem

RETRY_AFTER_SECONDS = 1
MOST_REQUESTS = 2_000
MOST_BODY_BYTES = 256 * 1024 * 1024


class Crowd:
    """Answers 503 with Retry-After while so many requests, or so many bytes of their bodies, are under way.

    What watches the gateway (`exempt` paths) is let in always.
    """

    def __init__(
        self,
        app: ASGIApp,
        turned_away: Callable[[], object],
        exempt: Iterable[str] = (),
        most_requests: int = MOST_REQUESTS,
        most_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        self._app = app
        self._turned_away = turned_away
        self._exempt = frozenset(exempt)
        self._most_requests, self._most_bytes = most_requests, most_bytes
        self._requests = self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["path"] in self._exempt:
            await self._app(scope, receive, send)
        elif self._requests >= self._most_requests or self._bytes >= self._most_bytes:
            self._turned_away()
            await _refusal()(scope, receive, send)
        else:
            await self._let_in(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            size = len(message.get("body", b""))
            received += size
            self._bytes += size
            return message

        self._requests += 1
        try:
            await self._app(scope, counted, send)
        finally:
            self._requests -= 1
            self._bytes -= received


def _refusal() -> ASGIApp:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "too many requests are under way: nothing of this one was stored, try again",
        headers={"retry-after": str(RETRY_AFTER_SECONDS)},
    )
