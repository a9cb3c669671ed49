"""Counts every request that the gateway answers, by route, method and status."""

from collections.abc import Iterable
from time import perf_counter
from typing import Any, Protocol

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_ROUTE = "none"
"""The route of a request that was refused before it was looked for, or that has none."""

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_REPLAY = b"idempotent-replay"


class Answered(Protocol):
    """Is told of each request that was answered."""

    def __call__(self, route: str, method: str, status: int, seconds: float, repeated: bool) -> object:
        """`route` is a template such as `/v1/jobs/{id}`, or NO_ROUTE; `seconds` go until the head of the
        answer, since the body of a stream has no end; `repeated` says that a request under the same
        Idempotency-Key had been answered before."""


def nobody(route: str, method: str, status: int, seconds: float, repeated: bool) -> None:
    """Implements `Answered`: nobody wants to know."""


class Meter:
    """Stands before everything else, so that it sees refusals too. Whatever a client writes (paths, methods)
    is counted by a closed table."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], answered: Answered) -> None:
        self._app = app
        self._answered = answered
        self._templates = dict(_templates(routes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        began = perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(scope, message, perf_counter() - began)
            await send(message)

        await self._app(scope, receive, watched)

    def _count(self, scope: Scope, start: Message, seconds: float) -> None:
        template = self._templates.get(scope.get("endpoint"), NO_ROUTE)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        repeated = any(name == _REPLAY for name, _ in start.get("headers", ()))
        self._answered(template, method, int(start["status"]), seconds, repeated)


def _templates(routes: Iterable[BaseRoute]) -> Iterable[tuple[Any, str]]:
    """What the router notes of a route that it has chosen, and the template of that route."""
    for route in routes:
        if isinstance(route, Route):
            yield route.endpoint, route.path
        elif isinstance(route, Mount):
            yield route.app, f"{route.path}/*"
