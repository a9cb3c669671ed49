"""What an email is made of, as fields: addresses and headers that cannot inject."""

import re
from email.headerregistry import Address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from karya.core.template import holds_templates
from karya.core.text import one_line, printable

MAX_ADDRESSES = 50
MAX_LINE_CHARACTERS = 998  # RFC 5322, 2.1.1
MAX_BODY_CHARACTERS = 1024 * 1024
_LOCAL_PART = r"[^\s@<>()\[\]\\,;:\"]{1,64}"
_DOMAIN = r"(?=.{1,253}\Z)[^\W_]([\w-]*[^\W_])?(\.[^\W_]([\w-]*[^\W_])?)*"
_ADDRESS = re.compile(rf"{_LOCAL_PART}@({_DOMAIN}|\[[0-9A-Za-z.:]+\])\Z")
_NAMED = re.compile(r'(?:"((?:[^"\\]|\\.)+)"|([^"<>@,;:\\]*?))\s*<([^<>]*)>\Z')
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,76}\Z")
_OWN_PREFIXES = ("content-", "karya-", "resent-", "arc-")
_OWN_HEADERS = frozenset(  # what the fields of an action say, or a mail server on the way
    [
        "bcc",
        "cc",
        "date",
        "dkim-signature",
        "from",
        "message-id",
        "mime-version",
        "received",
        "reply-to",
        "return-path",
        "sender",
        "subject",
        "to",
    ]
)


def parsed_address(text: str) -> Address:
    """The parts of `ada@example.com` or `Ada <ada@example.com>`. Raises ValueError when it is neither."""
    named = _NAMED.match(one_line(text))
    quoted, bare, plain = named.groups() if named else (None, "", text)
    if not _ADDRESS.match(plain):
        raise ValueError("an address such as ada@example.com or Ada <ada@example.com>")
    local, _, domain = plain.rpartition("@")
    return Address(re.sub(r"\\(.)", r"\1", quoted) if quoted else bare or "", local, domain)


def _address(text: str) -> str:
    if holds_templates(one_line(text)):
        return text
    parsed_address(text)
    return text


def _list_of_one(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.match(name):
            raise ValueError(f"{name!r} is no header name")
        if name.lower() in _OWN_HEADERS or name.lower().startswith(_OWN_PREFIXES):
            raise ValueError(f"{name!r} cannot be set: Karya writes it itself")
        if len(one_line(value)) > MAX_LINE_CHARACTERS:
            raise ValueError(f"the value of {name!r} is longer than {MAX_LINE_CHARACTERS} characters")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("a header is given twice, in letters of another case")
    return headers


def _body(text: str) -> str:
    return printable(text.replace("\r\n", "\n"))


EmailAddress = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_address)]
"""An address with or without a name, or a text with a template where one will be."""

Recipients = Annotated[
    tuple[EmailAddress, ...], BeforeValidator(_list_of_one), Field(max_length=MAX_ADDRESSES)
]
"""One address as a text, or a list of up to 50."""

Line = Annotated[str, Field(min_length=1, max_length=MAX_LINE_CHARACTERS), AfterValidator(one_line)]
Body = Annotated[str, Field(max_length=MAX_BODY_CHARACTERS), AfterValidator(_body)]
EmailHeaders = Annotated[dict[str, str], Field(max_length=50), AfterValidator(_headers)]
"""Headers besides those that Karya writes."""
