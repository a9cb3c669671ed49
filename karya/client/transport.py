"""HTTP: one request out, one reply in, and nothing more."""

import asyncio
import os
import ssl
import weakref
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Protocol

import aiohttp
from aiohttp.client import _RequestContextManager
from yarl import URL

from karya.client.answers import stranger
from karya.client.request import Effect, Failure, Reply, Request
from karya.core.errors import ConfigError, Unavailable

_CONNECT_SECONDS = 5.0
_LARGE_BYTES = 1024 * 1024
_SILENT_SECONDS = 60.0  # a gateway that says nothing for so long, not even that it is there, is not there
_EVENTS = "text/event-stream"
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError)
_IDLE_SECONDS = 3.0  # the gateway closes a connection after five: a request must not meet that


CLOSED = "this client is closed: make another one"


class Listening(Protocol):
    """An answer that is read while it comes."""

    async def read(self) -> bytes | Failure:
        """The next piece; nothing at its end."""

    def close(self) -> None:
        """Ends it. Idempotent."""


class Transport(Protocol):
    """Sends requests for a client, and waits for it."""

    url: str

    async def send(self, request: Request) -> Reply | Failure:
        """One try."""

    async def listen(self, request: Request) -> Listening | Reply | Failure:
        """One try; a Reply is what came in place of a stream of events."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""


class HttpTransport:
    """Implements `Transport` with aiohttp, in the running loop. Connections are kept for the next request."""

    def __init__(
        self, url: str, headers: Mapping[str, str], timeout: float, context: ssl.SSLContext | None
    ) -> None:
        self.url = url
        self._headers = dict(headers)
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_SECONDS)
        self._context = context
        self._patient = aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS)
        self._session: aiohttp.ClientSession | None = None
        self._streams: weakref.WeakSet[_Stream] = weakref.WeakSet()
        self._closed = False

    async def send(self, request: Request) -> Reply | Failure:
        """See `Transport.send`."""
        try:
            async with self._begun(request, self._timeout) as response:
                return await _reply(response)
        except _BROKEN as error:
            return self._failure(error)

    async def listen(self, request: Request) -> Listening | Reply | Failure:
        """See `Transport.listen`."""
        try:
            response = await self._begun(request, self._patient)
            if response.ok and response.content_type == _EVENTS:
                stream = _Stream(response, self._failure)
                self._streams.add(stream)
                return stream
            async with response:
                return await _reply(response)
        except _BROKEN as error:
            return self._failure(error)

    async def sleep(self, seconds: float) -> None:
        """See `Transport.sleep`."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Closes the connections. Idempotent."""
        self._closed = True
        for stream in self._streams:
            stream.close()  # else whoever reads it waits for ever
        if self._session is not None:
            await self._session.close()

    def _begun(self, request: Request, timeout: aiohttp.ClientTimeout) -> _RequestContextManager:
        return self._open().request(
            request.method,
            URL(self.url + request.path, encoded=True),
            data=_data(request.body),
            headers=_headers(request),
            allow_redirects=False,
            timeout=timeout,
        )

    def _failure(self, error: Exception) -> Failure:
        match error:
            case aiohttp.ClientSSLError():
                return Failure(Unavailable(f"no TLS with {self.url}: {_reason(error)}"), Effect.REFUSED)
            case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
                return self._silence(error, Effect.NONE)
            case aiohttp.ClientResponseError():  # what it sends is no HTTP
                return Failure(stranger(self.url, error.message), Effect.REFUSED)
            case _:
                return self._silence(error, Effect.UNKNOWN)

    def _silence(self, error: Exception, effect: Effect) -> Failure:
        why = _reason(error) or f"no answer within {self._timeout.total:g} s"
        return Failure(Unavailable(f"no gateway answers at {self.url}: {why}"), effect)

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise Unavailable(CLOSED)
        if self._session is None:
            connector = aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS, ssl=self._context or True)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self._session


class _Stream:
    """Implements `Listening`."""

    def __init__(self, response: aiohttp.ClientResponse, failure: Callable[[Exception], Failure]) -> None:
        self._response = response
        self._failure = failure

    async def read(self) -> bytes | Failure:
        """See `Listening.read`."""
        try:
            return await self._response.content.readany()
        except _BROKEN as error:
            return self._failure(error)

    def close(self) -> None:
        """See `Listening.close`."""
        self._response.close()


def _reason(error: Exception) -> str:
    """Of who cannot be reached, what the system says: aiohttp's words name the host once more."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return str(error.certificate_error)
        case aiohttp.ClientConnectorDNSError() | aiohttp.ClientConnectorSSLError():
            return str(error.os_error.strerror or error.os_error)
        case aiohttp.ClientConnectorError() if error.os_error.errno:
            return os.strerror(error.os_error.errno)
        case _:
            return str(error)


async def _reply(response: aiohttp.ClientResponse) -> Reply:
    body = await response.read()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status, response.reason or "", response.content_type, body, headers)


def _headers(request: Request) -> Mapping[str, str]:
    named = {} if request.body is None else {"content-type": request.media_type}
    return named if request.key is None else {**named, "idempotency-key": request.key}


def _data(body: bytes | None) -> bytes | BytesIO | None:
    """A large one bit by bit, so that the loop is free meanwhile."""
    return body if body is None or len(body) < _LARGE_BYTES else BytesIO(body)


def checked_url(url: str) -> str:
    """The URL without a slash at its end. Raises ConfigError when no gateway can be there."""
    try:
        parsed = URL(url)
    except (TypeError, ValueError):
        parsed = URL()
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query_string or parsed.fragment:
        raise ConfigError(
            f"the gateway's URL {url!r} is no http:// or https:// URL, like http://127.0.0.1:8080"
        )
    return url.rstrip("/")


def authorization(token: str | None) -> Mapping[str, str]:
    """The header that shows the token. Raises ConfigError for what cannot be one."""
    secret = (token or "").strip()
    if not secret:
        return {}
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigError("the token holds characters that no token has: give it as it was shown")
    return {"authorization": f"Bearer {secret}"}
