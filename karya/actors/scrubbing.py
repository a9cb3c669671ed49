"""Striking secrets out of log lines, wherever they may have got in: in a URL, a header, an error message."""

import re
from collections.abc import Mapping
from typing import Any

from karya.core.references import is_secret

HIDDEN = "…"

_SECRETS = (
    (re.compile(r"(?<=://)[^/\s?#]+(?=@)"), HIDDEN),  # user:password@ of a URL, with an @ in it or not
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\bkarya_[A-Za-z0-9_-]{43}"), f"karya_{HIDDEN}"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=]{8,}"), f"whsec_{HIDDEN}"),
    (re.compile(r"\bxox[a-z]-[A-Za-z0-9-]{8,}"), f"xox{HIDDEN}"),
    (re.compile(r"(?<=hooks\.slack\.com/)[\w/-]+"), HIDDEN),
    (re.compile(r"(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"(?i)\b((?:authorization|cookie)[\"']?[:=][ \"']{0,2})[^\n\"']+"), rf"\1{HIDDEN}"),
)
"""What secrets look like: credentials, Karya's own tokens, the keys of webhooks, Slack's tokens and hooks,
JSON web tokens; and the headers that hold some, of which nothing is left."""

_NAME = re.compile(r"(?<![\w-])([A-Za-z][\w-]{0,60})[\"']?[:=][ \"']{0,2}")
_VALUE = re.compile(r"[^\s\"'&,;]+")
"""What stands behind a name: in the query of a URL, in a header, in a dictionary that was written out."""


def scrubbed(value: Any) -> Any:
    """The value without what looks like a secret in any of its texts, however deep."""
    match value:
        case str():
            for pattern, instead in _SECRETS:
                value = pattern.sub(instead, value)
            return _without_named(value)
        case Mapping():
            return {key: _below(key, below) for key, below in value.items()}
        case list() | tuple() | set() | frozenset():
            return [scrubbed(below) for below in value]
        case _:
            return value


def _without_named(text: str) -> str:
    """The text without what stands behind a name that sounds secret."""
    kept, at = [], 0
    for name in _NAME.finditer(text):
        value = _VALUE.match(text, name.end())
        if value and name.start() >= at and is_secret(name[1]):
            kept += [text[at : name.end()], HIDDEN]
            at = value.end()
    return "".join((*kept, text[at:]))


def _below(key: Any, value: Any) -> Any:
    return HIDDEN if isinstance(value, str) and is_secret(str(key)) else scrubbed(value)


def printable(text: str) -> str:
    """The text with what would move a terminal's cursor, or begin a line of its own, written out; the line
    breaks of a traceback stay."""
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)
