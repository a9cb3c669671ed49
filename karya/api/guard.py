"""What stands before every route: who may ask at all, and what becomes of an unexpected error."""

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from karya.api.problems import problem

log = structlog.get_logger(__name__)


class Guard:
    """Refuses requests for foreign hosts and from foreign web pages; answers 500 without internals.

    The Host check defeats DNS rebinding, the Origin check a page that posts to a gateway on the
    visitor's own machine.
    """

    def __init__(
        self, app: ASGIApp, allowed_hosts: Iterable[str], allowed_origins: Iterable[str] = ()
    ) -> None:
        self._app = app
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._origins = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await problem(*refusal)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, watched)
        except Exception:
            log.exception("request_failed", method=scope["method"], path=scope["path"])
            if started:
                raise
            failure = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an unexpected error, written to the log")
            await failure(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[HTTPStatus, str] | None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return HTTPStatus.BAD_REQUEST, "exactly one Host header is needed"
        if "*" not in self._allowed and _without_port(hosts[0]).lower() not in self._allowed:
            return (
                HTTPStatus.MISDIRECTED_REQUEST,
                "this Host is not served here; the setting gateway.allowed_hosts lists those that are",
            )
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if any(origin not in self._origins and _authority(origin) != hosts[0].lower() for origin in origins):
            return (
                HTTPStatus.FORBIDDEN,
                "requests from web pages of another origin are not answered; the setting "
                "gateway.cors_origins lists those that are",
            )
        return None


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None
