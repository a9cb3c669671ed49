"""One request of the gateway as a value, and what it may come to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import quote, urlencode

from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from karya.core.errors import InvalidInput, KaryaError, NotFound

JSON = "application/json"


class Repeat(Enum):
    """Whether a request may be sent again when it is not known what became of it."""

    ALWAYS = auto()
    """It reads, or sets a state: twice is as good as once."""
    KEYED = auto()
    """Its Idempotency-Key makes the second the same as the first."""
    NEVER = auto()
    """Whoever asked has to look first. It is sent again only where nobody can have got it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `path` is percent-encoded and has its query."""

    method: str
    path: str
    repeat: Repeat
    body: bytes | None = None
    media_type: str = JSON
    key: str | None = None
    """The Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Header names are in lower case; `media_type` is without parameters."""

    status: int
    reason: str = ""
    media_type: str = JSON
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Effect(Enum):
    """What a request that failed may have done."""

    REFUSED = auto()
    """Nothing, and the next one like it would fail as well."""
    NONE = auto()
    """Nothing, since nobody got it or nobody looked at it."""
    UNKNOWN = auto()
    """Perhaps all of it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer, and for how many seconds the gateway wants to be left alone."""

    error: KaryaError
    effect: Effect
    retry_after: float | None = None

    def may_be_repeated(self, request: Request) -> bool:
        """Whether sending the request again can do no harm."""
        match self.effect:
            case Effect.REFUSED:
                return False
            case Effect.NONE:
                return True
            case Effect.UNKNOWN:
                return request.repeat is not Repeat.NEVER


def get(path: str, **query: Any) -> Request:
    """A request that reads; None is for a parameter that is not given, a list for one that is repeated."""
    return Request("GET", path + _query_of(query), Repeat.ALWAYS)


def post(path: str, repeat: Repeat, body: Any = None, *, key: str | None = None, **query: Any) -> Request:
    """A request that does something, with a body of JSON."""
    written = None if body is None else written_as_json(body)
    return Request("POST", path + _query_of(query), repeat, written, key=key)


def patch(path: str, body: Any, **query: Any) -> Request:
    """A request that changes something, which is not sent again when it is not known what became of it."""
    return Request("PATCH", path + _query_of(query), Repeat.NEVER, written_as_json(body))


def segment(kind: str, ident: str) -> str:
    """An id as a segment of a path. Raises NotFound for what no id can be: servers and proxies take `%2F`
    for a slash and `..` for the folder above, and so for another request."""
    if "/" in ident or ident in ("", ".", "..") or not _is_text(ident):
        raise NotFound(kind, ident)
    return quote(ident, safe="")


def written_as_json(content: Any) -> bytes:
    """JSON, with instants, durations and enums as the gateway reads them. Raises InvalidInput."""
    try:
        return to_json(content)
    except (PydanticSerializationError, ValueError) as error:
        raise InvalidInput.at("", f"JSON cannot say this: {error}") from None


def _query_of(query: Mapping[str, Any]) -> str:
    given = [(name, _text_of(one)) for name, value in query.items() for one in _each(value)]
    for name, text in given:
        if not _is_text(text):
            raise InvalidInput.at(name, f"{text!r} is no text: it holds half a character")
    return f"?{urlencode(given)}" if given else ""


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif value is not None:
        yield value


def _is_text(text: str) -> bool:
    """Whether it can be written: what a terminal sends need not be UTF-8, and comes as lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _text_of(value: Any) -> str:
    return str(to_jsonable_python(value))
