"""HTTP: one request out, one reply in, and nothing more."""

import asyncio
import ssl
from collections.abc import Mapping
from io import BytesIO
from typing import Protocol

import aiohttp
from yarl import URL

from karya.client.answers import stranger
from karya.client.request import Effect, Failure, Reply, Request
from karya.core.errors import ConfigError, Unavailable

_CONNECT_SECONDS = 5.0
_LARGE_BYTES = 1024 * 1024
_IDLE_SECONDS = 3.0  # the gateway closes a connection after five: a request must not meet that


class Transport(Protocol):
    """Sends requests for a client, and waits for it."""

    url: str

    async def send(self, request: Request) -> Reply | Failure:
        """One try."""

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
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Reply | Failure:
        """See `Transport.send`."""
        try:
            async with self._open().request(
                request.method,
                URL(self.url + request.path, encoded=True),
                data=_data(request.body),
                headers=_headers(request),
                allow_redirects=False,
            ) as response:
                body = await response.read()
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, response.reason or "", response.content_type, body, headers)
        except aiohttp.ClientSSLError as error:
            return Failure(Unavailable(f"no gateway answers at {self.url}: {error}"), Effect.REFUSED)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return self._silence(error, Effect.NONE)
        except aiohttp.ClientResponseError as error:  # what it sends is no HTTP
            return Failure(stranger(self.url, error.message), Effect.REFUSED)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return self._silence(error, Effect.UNKNOWN)

    async def sleep(self, seconds: float) -> None:
        """See `Transport.sleep`."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Closes the connections. Idempotent."""
        if self._session is not None:
            await self._session.close()

    def _silence(self, error: Exception, effect: Effect) -> Failure:
        why = str(error) or f"no answer within {self._timeout.total:g} s"
        return Failure(Unavailable(f"no gateway answers at {self.url}: {why}"), effect)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS, ssl=self._context or True)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, headers=self._headers
            )
        return self._session


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
