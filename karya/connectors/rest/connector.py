"""Sends the request of a rest action and judges the answer."""

import asyncio

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver
from aiohttp.resolver import DefaultResolver
from standardwebhooks import Webhook
from yarl import URL

from karya.connectors.base import BaseConnector
from karya.connectors.rest.addresses import AddressPolicy
from karya.connectors.rest.answer import KEPT_BYTES, Answer, outcome_of, read_answer
from karya.connectors.rest.request import (
    REDIRECTS,
    RedirectRefused,
    Request,
    as_get,
    first_request,
    headers_of,
    next_request,
)
from karya.connectors.rest.resolver import AddressRefused, GuardedResolver, check_host
from karya.connectors.rest.settings import RestSettings
from karya.connectors.rest.tls import TlsContexts
from karya.connectors.verdict import failure_of
from karya.core.action import RestAction
from karya.core.http_fields import status_in
from karya.core.outcome import Failure, Outcome
from karya.core.ports import AttemptContext, Tools

IDLE_SECONDS = 4.0
"""Less than the 5 s after which common servers (uvicorn, Node) close an idle connection under a request."""

_CONTENT_TYPE = ("content-type",)


class RestConnector(BaseConnector[RestAction, RestSettings]):
    """Sends the action's request and judges the answer, all within `action.timeout`.

    One session serves all attempts of a worker. Cookies are not kept, redirects are followed only when
    asked for, every address is checked before it is connected to, and answers are asked for
    uncompressed and never inflated, so none can grow in memory.
    """

    action_type = RestAction
    settings_type = RestSettings

    def __init__(self, settings: RestSettings, names: AbstractResolver | None = None) -> None:
        """`names` resolves host names; the system's resolver unless given."""
        super().__init__(settings)
        self._names = names
        self._policy = AddressPolicy(settings.addresses)
        self._tls = TlsContexts(settings)
        secret = settings.signing_secret
        self._signer = Webhook(secret.get_secret_value()) if secret else None
        self._session: ClientSession | None = None
        self._resolver: GuardedResolver | None = None
        self._now = Tools().now

    def refusal(self, action: RestAction) -> str | None:
        """A host that may not be called, as far as its name tells, and names that the settings lack."""
        try:
            host = URL(action.url).raw_host or ""
        except ValueError:
            return "url: no usable URL"
        reason = self._policy.refuses_host(host)
        return f"url: {reason}" if reason else self._tls.refuses(action.tls)

    async def open(self, tools: Tools) -> None:
        """Makes the session, in the running loop. Raises ConfigError for a certificate that is no use."""
        self._now = tools.now
        self._tls.check_files()
        settings = self.settings
        self._resolver = GuardedResolver(self._policy, self._names or DefaultResolver())
        self._session = ClientSession(
            connector=TCPConnector(
                limit=settings.max_connections or 0,
                keepalive_timeout=IDLE_SECONDS,
                resolver=self._resolver,
            ),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            timeout=ClientTimeout(total=None, sock_connect=settings.connect_timeout.total_seconds()),
            read_bufsize=KEPT_BYTES,
            headers={"user-agent": settings.user_agent, "accept-encoding": "identity"},
        )
        # aiohttp sends an idempotent request twice when the connection breaks; only the task's own
        # retry policy may do that (I6), and aiohttp has no public switch for it.
        self._session._retry_connection = False

    async def close(self) -> None:
        """Closes the connections; does nothing when none were opened."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._resolver is not None:
            await self._resolver.close()
            self._resolver = None

    async def run(self, action: RestAction, context: AttemptContext) -> Outcome:
        """One request, or a chain of redirects. Every failure is a Failure."""
        if reason := self._tls.refuses(action.tls):
            return Failure(reason, permanent=True, code="not_configured")
        seconds = action.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await self._converse(action, context)
        except AddressRefused as refused:
            return Failure(str(refused), permanent=True, code="address")
        except RedirectRefused as refused:
            return Failure(str(refused), permanent=True, code="redirect")
        except (ClientError, OSError, ValueError) as error:
            if deadline.expired():
                return Failure(f"timed out after {seconds:g} s", code="timeout")
            return failure_of(error)

    async def _converse(self, action: RestAction, context: AttemptContext) -> Outcome:
        request = first_request(action, context)
        for _ in range(action.redirects + 1):
            answer = await self._exchange(action, context, request)
            location = _leads_on(action, answer)
            if location is None:
                return outcome_of(action, answer, self._now().timestamp())
            request = as_get(next_request(request, location), answer.status)
        return Failure(f"redirected more than {action.redirects} times", permanent=True, code="redirect")

    async def _exchange(self, action: RestAction, context: AttemptContext, request: Request) -> Answer:
        if self._session is None:
            raise RuntimeError("the rest connector is not open")
        check_host(self._policy, request.url)
        tls = action.tls if request.trusted else action.tls.model_copy(update={"client": None})
        response = await self._session.request(
            request.method,
            request.url,
            data=request.data,
            headers=headers_of(action, context, request, self._signer, self._now()),
            allow_redirects=False,
            skip_auto_headers=_CONTENT_TYPE if request.lacks_type else None,
            ssl=self._tls.of(tls),
        )
        try:
            return await read_answer(response)
        finally:
            # Closes the connection unless the answer was read to its end.
            response.release()


def _leads_on(action: RestAction, answer: Answer) -> str | None:
    """Where an answer redirects to, when it is to be followed: an expected status ends the way."""
    if not action.redirects or answer.status not in REDIRECTS or status_in(answer.status, action.expect):
        return None
    return answer.headers.get("location")
