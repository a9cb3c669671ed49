"""Cursors of lists: opaque to clients, checked when they come back."""

import base64
import binascii
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from karya.core.errors import InvalidInput
from karya.core.ports import Page
from karya.core.times import from_millis, to_millis
from karya.store.blocking import Document
from karya.store.documents import readable

T = TypeVar("T")

LEAST_ID, GREATEST_ID = str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1))
"""Nothing is behind the one in a list that has the newest id first, and everything behind the other."""


def encode_cursor(*parts: str | datetime) -> str:
    """The cursor behind an item that sorts by these parts."""
    texts = [str(to_millis(part)) if isinstance(part, datetime) else part for part in parts]
    return base64.urlsafe_b64encode("/".join(texts).encode()).decode().rstrip("=")


def behind(wanted: Document, cursor: str | None) -> Document:
    """The same, but only what comes behind the cursor in a list that has the newest id first."""
    return wanted if cursor is None else {**wanted, "_id": {"$lt": decode_id(cursor)}}


def page_by_id(documents: Sequence[Document], limit: int, parse: Callable[[Document], T]) -> Page[T]:
    """The page of such a list, of which one more than `limit` was read."""
    more = encode_cursor(documents[limit - 1]["_id"]) if len(documents) > limit else None
    return Page(tuple(readable(documents[:limit], parse)), more)


def decode_id(cursor: str) -> str:
    """The id of a cursor that has only one; raises InvalidInput for anything else."""
    (ident,) = _parts(cursor, 1)
    return ident


def decode_instant_and_id(cursor: str) -> tuple[datetime, str]:
    """The instant and the id of a cursor; raises InvalidInput for anything else."""
    millis, ident = _parts(cursor, 2)
    return _instant(millis), ident


def decode_instant_and_two_ids(cursor: str) -> tuple[datetime, str, str]:
    """The instant and both ids of a cursor; raises InvalidInput for anything else."""
    millis, first, second = _parts(cursor, 3)
    return _instant(millis), first, second


def _instant(millis: str) -> datetime:
    try:
        return from_millis(int(millis))
    except (ValueError, OverflowError):
        raise foreign() from None


def _parts(cursor: str, count: int) -> list[str]:
    """The parts, of which the last is an id: exactly what `encode_cursor` was given, or InvalidInput."""
    try:
        parts = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("/")
        is_ours = encode_cursor(*parts) == cursor and str(uuid.UUID(parts[-1])) == parts[-1]
    except (binascii.Error, ValueError):
        raise foreign() from None
    if not is_ours or len(parts) != count:
        raise foreign()
    return parts


def foreign() -> InvalidInput:
    """The error for a cursor that the list has not given."""
    return InvalidInput.at(
        "cursor", "not a cursor of this list: pass next_cursor of the page before, as it is"
    )
