"""What an HTTP request is made of, as fields: a real URL, headers that cannot inject, forms, statuses."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from karya.core.json_fields import MAX_BODY_BYTES

MAX_URL_CHARACTERS = 8192
MAX_HEADER_BYTES = 64 * 1024
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # RFC 9110, 5.6.2: token
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")  # RFC 9110, 5.5: no control characters
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
_STATUSES = re.compile(r"[2-5]xx|[2-5][0-9]{2}(-[2-5][0-9]{2})?")


def status_in(status: int, statuses: Iterable[int | str]) -> bool:
    """Whether an HTTP status is among these: `200`, `"404"`, `"2xx"`, `"200-204"`."""
    return any(low <= status <= high for low, high in map(_range, statuses))


def _range(statuses: int | str) -> tuple[int, int]:
    text = str(statuses)
    if text.endswith("xx"):
        return int(text[0]) * 100, int(text[0]) * 100 + 99
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def _known_status(status: Any) -> Any:
    if type(status) not in (int, str) or not _STATUSES.fullmatch(str(status)):
        raise ValueError('a final HTTP status such as 200, or several: "2xx", "200-204"')
    low, high = _range(status)
    if low > high:
        raise ValueError("a range of statuses begins with the lower one")
    return status


def _some_statuses(statuses: tuple[int | str, ...]) -> tuple[int | str, ...]:
    if not 1 <= len(statuses) <= 50:
        raise ValueError("between 1 and 50 statuses")
    return statuses


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


def _texts(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_text(each) for each in value]
    return _text(value)


def _text(value: Any) -> str:
    """A number or a boolean as JSON writes it: templates take in values of any type."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise ValueError("a text, a number, true, false, or a list of them")


def encoded(pairs: Mapping[str, str | tuple[str, ...]]) -> str:
    """application/x-www-form-urlencoded; a name with several values is written several times."""
    return urlencode(pairs, doseq=True)


def _encodable(pairs: dict[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
    try:
        size = len(encoded(pairs))
    except UnicodeEncodeError as error:
        raise ValueError(f"not text: {error}") from None
    if size > MAX_BODY_BYTES:
        raise ValueError(f"{size:,} bytes when encoded; at most {MAX_BODY_BYTES:,} bytes")
    return pairs


def _short_query(pairs: dict[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
    if len(encoded(pairs)) > MAX_URL_CHARACTERS:
        raise ValueError(f"a query is at most {MAX_URL_CHARACTERS:,} characters when encoded")
    return pairs


HttpUrl = Annotated[str, Field(max_length=MAX_URL_CHARACTERS), AfterValidator(_http_url)]
"""An absolute http or https URL, kept as it was written."""

Headers = Annotated[dict[str, str], Field(max_length=100), AfterValidator(_plain_headers)]
"""Headers of a request: up to 100, together 64 KiB, none that the client or Karya writes itself."""

_Values = Annotated[str | tuple[str, ...], BeforeValidator(_texts)]
Pairs = Annotated[dict[str, _Values], Field(max_length=1000), AfterValidator(_encodable)]
"""The fields of a form: a text or several by name, at most 1 MiB when encoded."""

Query = Annotated[Pairs, AfterValidator(_short_query)]
"""The same for the query of a URL, at most 8,192 characters when encoded."""

Statuses = Annotated[
    tuple[Annotated[int | str, BeforeValidator(_known_status)], ...], AfterValidator(_some_statuses)
]
"""HTTP statuses: numbers, and texts such as "2xx", "404" or "200-204"."""
