"""Who asks: bearer tokens (RFC 6750), or a browser's session, before every route that is not open to all."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from karya.api.pages.session import ask_to_sign_in, is_open, session_of
from karya.api.problems import problem
from karya.core.errors import Unavailable
from karya.core.user import LOCAL, Principal

Identify = Callable[[str], Awaitable[Principal | None]]

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""What answers without a token: what a load balancer or an orchestrator asks."""

_PRINCIPAL = "karya.principal"
_CHALLENGE = {"www-authenticate": 'Bearer realm="karya"'}


class Identity:
    """Puts the principal into the scope of each request, or answers 401.

    Where no token is required (the gateway serves loopback only), a request without one is LOCAL's; one
    with a token that nobody has is refused all the same.
    """

    def __init__(self, app: ASGIApp, identify: Identify, required: bool, also_open: frozenset[str]) -> None:
        self._app = app
        self._identify = identify
        self._required = required
        self._paths = OPEN_PATHS | also_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        try:
            principal = await self._principal(scope)
        except Unavailable as error:
            busy = problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"retry-after": "1"})
            await busy(scope, receive, send)
            return
        if principal is None:
            await (ask_to_sign_in(scope) or _refusal(scope))(scope, receive, send)
            return
        scope[_PRINCIPAL] = principal
        await self._app(scope, receive, send)

    async def _principal(self, scope: Scope) -> Principal | None:
        secret = _secret(scope)
        if secret is not None:
            return await self._identify(secret)
        kept = session_of(scope)
        known = await self._identify(kept) if kept is not None else None
        # A browser may still keep the session of another gateway on this machine: that is as good as none.
        return known or (LOCAL if not self._required or self._is_open(scope["path"]) else None)

    def _is_open(self, path: str) -> bool:
        return path in self._paths or is_open(path)


def principal_of(request: Request) -> Principal:
    """Who sent the request."""
    principal: Principal = request.scope[_PRINCIPAL]
    return principal


def _secret(scope: Scope) -> str | None:
    """The token; an empty text, which is nobody's, for credentials of another kind."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").strip().partition(" ")
            return secret.strip() if scheme.lower() == "bearer" else ""
    return None


def _refusal(scope: Scope) -> ASGIApp:
    if _secret(scope) is None:
        detail = "send Authorization: Bearer TOKEN; `karya token create` makes one"
    else:
        detail = "this token is not known, or has expired or been revoked"
    return problem(HTTPStatus.UNAUTHORIZED, detail, headers=_CHALLENGE)
