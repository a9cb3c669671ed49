"""What a task does, as data. A connector runs it; the registry knows which kinds exist."""

import math
import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from karya.core.times import Duration

MAX_BODY_BYTES = 1024 * 1024
MAX_BODY_DEPTH = 100  # parsers give up somewhere beyond it, pydantic's at 200
MAX_HEADER_BYTES = 64 * 1024
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # RFC 9110, 5.6.2: token
_OWN_HEADERS = ("webhook-", "karya-")
_FRAMING_HEADERS = frozenset(  # the HTTP client writes these; a second one would smuggle or hang requests
    [
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")  # RFC 9110, 5.5: no control characters


class Action(BaseModel):
    """Base of every action; `type` tells the connector that runs it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str


ActionText = str
"""An action as JSON text. Karya stores actions in this form: the database's query language never looks
inside what a user wrote, and a job stays readable when the connector of its action is gone."""


class NoopAction(Action):
    """Does nothing and succeeds: for trying things out and for measuring Karya itself."""

    type: Literal["noop"] = "noop"


def _http_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("an absolute http:// or https:// URL with a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user and password in a URL, which is shown to everybody: send them as a header")
    if any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("a URL holds no spaces and no control characters: percent-encode them")
    return url


def _plain_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.match(name):
            raise ValueError(f"{name!r} is no header name")
        if name.lower() in _FRAMING_HEADERS or name.lower().startswith(_OWN_HEADERS):
            raise ValueError(f"{name!r} cannot be set: Karya writes it itself")
        if not _HEADER_VALUE.match(value):
            raise ValueError(f"the value of {name!r} holds a control character or one beyond Latin-1")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("a header is given twice, in letters of another case")
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADER_BYTES:
        raise ValueError(f"all headers together are at most {MAX_HEADER_BYTES:,} bytes")
    return headers


def _bounded_body(body: Any) -> Any:
    try:
        size = len(body.encode() if isinstance(body, str) else orjson.dumps(body))
    except (TypeError, UnicodeEncodeError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if size > MAX_BODY_BYTES:
        raise ValueError(f"{size:,} bytes; a body is at most {MAX_BODY_BYTES:,} bytes")
    if _depth(body) > MAX_BODY_DEPTH:
        raise ValueError(f"a body is nested at most {MAX_BODY_DEPTH} deep")
    return body


def _depth(value: Any) -> int:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no JSON number")
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else None
    return 0 if below is None else 1 + max(map(_depth, below), default=0)


class RestAction(Action):
    """One HTTP request. Only a 2xx answer is success; redirects are not followed.

    A string body is sent as it is, anything else as JSON. `timeout` bounds the whole attempt, from
    connecting to the last byte of the answer.
    """

    type: Literal["rest"] = "rest"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] = "GET"
    url: Annotated[str, Field(max_length=8192), AfterValidator(_http_url)]
    headers: Annotated[dict[str, str], Field(max_length=100), AfterValidator(_plain_headers)] = {}
    body: Annotated[Any, AfterValidator(_bounded_body)] = None
    timeout: Annotated[Duration, Field(ge=timedelta(milliseconds=1), le=timedelta(hours=1))] = timedelta(
        seconds=30
    )
