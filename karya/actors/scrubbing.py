"""Striking secrets out of log lines, wherever they may have got in: in a URL, a header, an error message."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "…"

_SECRETS = (
    (re.compile(r"(?<=://)[^/\s@]+(?=@)"), HIDDEN),  # user:password@ of a URL
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\bkarya_[A-Za-z0-9_-]{43}"), f"karya_{HIDDEN}"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=]{8,}"), f"whsec_{HIDDEN}"),
    (re.compile(r"\bxox[a-z]-[A-Za-z0-9-]{8,}"), f"xox{HIDDEN}"),
)
"""What secrets look like: credentials, Karya's own tokens, the keys of webhooks, Slack's tokens."""


def scrubbed(value: Any) -> Any:
    """The value without what looks like a secret in any of its texts, however deep."""
    match value:
        case str():
            for pattern, instead in _SECRETS:
                value = pattern.sub(instead, value)
            return value
        case Mapping():
            return {key: scrubbed(below) for key, below in value.items()}
        case list() | tuple() | set() | frozenset():
            return [scrubbed(below) for below in value]
        case _:
            return value


def printable(text: str) -> str:
    """The text with what would move a terminal's cursor, or begin a line of its own, written out; the line
    breaks of a traceback stay."""
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)
