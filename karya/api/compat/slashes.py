"""Some of upstream's clients write two slashes behind the host."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

_DOUBLED = re.compile(r"^/{2,}(?=v1/(?:plan|user)(?:/|$))")


class SingleSlash:
    """Takes `//v1/plan` and `//v1/user` for `/v1/plan` and `/v1/user`, and leaves every other path alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path, doubled = _DOUBLED.subn("/", scope["path"])
        if doubled:
            scope["path"] = path  # in place, as the router writes: in a copy nobody would find the route
        await self._app(scope, receive, send)
