"""Requests that belong to a trace of the client's (W3C Trace Context)."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from karya.core.trace import caller, received


class Joining:
    """Notes the client's span for what the request submits. A header that is none counts for nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers = Headers(scope=scope)
        # Set in any case: a request that waited behind another on its connection inherits its context.
        caller.set(received(headers.get("traceparent", ""), ",".join(headers.getlist("tracestate"))))
        await self._app(scope, receive, send)
