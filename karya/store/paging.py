"""Cursors of lists: opaque to clients, checked when they come back. A cursor says where a page ended, so that
what comes, goes or changes meanwhile moves no page; and of which list, so that no other takes it."""

import base64
import binascii
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from karya.core.errors import InvalidInput
from karya.core.ports import Page
from karya.core.times import from_millis, to_millis
from karya.store.blocking import Document
from karya.store.documents import readable
from karya.store.onward import behind

T = TypeVar("T")

LEAST_ID, GREATEST_ID = str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1))
"""Nothing is behind the one in a list that has the newest id first, and everything behind the other."""


@dataclass(frozen=True, slots=True)
class NewestId:
    """A list that has the newest id first."""

    name: str

    def behind(self, wanted: Document, cursor: str | None) -> Document:
        """The same, but only what comes behind the cursor."""
        return wanted if cursor is None else {**wanted, "_id": {"$lt": self.last_id(cursor)}}

    def last_id(self, cursor: str) -> str:
        """The id that the cursor is behind. Raises InvalidInput for a cursor that this list has not given."""
        (ident,) = _parts(self.name, cursor, 1)
        return ident

    def page(self, documents: Sequence[Document], limit: int, parse: Callable[[Document], T]) -> Page[T]:
        """The page, of which one more than `limit` was read."""
        more = encode_cursor(self.name, documents[limit - 1]["_id"]) if len(documents) > limit else None
        return Page(tuple(readable(documents[:limit], parse)), more)


@dataclass(frozen=True, slots=True)
class ByInstant:
    """A list in the order of an instant, the latest first unless `earliest_first`; what is of one instant is
    in that of the ids."""

    name: str
    field: str
    earliest_first: bool = False

    @property
    def order(self) -> list[tuple[str, int]]:
        """What to sort by."""
        way = 1 if self.earliest_first else -1
        return [(self.field, way), ("_id", way)]

    def behind(self, wanted: Document, cursor: str | None) -> Document:
        """The same, but only what comes behind the cursor. Raises InvalidInput for a cursor that is not of
        this list."""
        if cursor is None:
            return wanted
        instant, ident = _parts(self.name, cursor, 2)
        last = _instant(instant), ident
        return behind(wanted, self.field, last, latest_first=not self.earliest_first)

    def page(self, documents: Sequence[Document], limit: int, parse: Callable[[Document], T]) -> Page[T]:
        """The page, of which one more than `limit` was read."""
        last = documents[limit - 1] if len(documents) > limit else None
        more = encode_cursor(self.name, last[self.field], last["_id"]) if last else None
        return Page(tuple(readable(documents[:limit], parse)), more)


def encode_cursor(name: str, *parts: str | datetime) -> str:
    """The cursor of this list behind an item that sorts by these parts, the last of which is an id."""
    texts = [str(to_millis(part)) if isinstance(part, datetime) else part for part in parts]
    return base64.urlsafe_b64encode("/".join([name, *texts]).encode()).decode().rstrip("=")


def decode_instant_and_two_ids(name: str, cursor: str) -> tuple[datetime, str, str]:
    """The instant and both ids of a cursor; raises InvalidInput for anything else."""
    millis, first, second = _parts(name, cursor, 3)
    return _instant(millis), first, second


def _instant(millis: str) -> datetime:
    try:
        return from_millis(int(millis))
    except (ValueError, OverflowError):
        raise foreign() from None


def _parts(name: str, cursor: str, count: int) -> list[str]:
    """The parts, of which the last is an id: exactly what `encode_cursor` was given, or InvalidInput."""
    try:
        found, *parts = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("/")
        is_ours = encode_cursor(found, *parts) == cursor and str(uuid.UUID(parts[-1])) == parts[-1]
    except (binascii.Error, ValueError, IndexError):
        raise foreign() from None
    if not is_ours or found != name or len(parts) != count:
        raise foreign()
    return parts


def foreign() -> InvalidInput:
    """The error for a cursor that the list has not given."""
    return InvalidInput.at(
        "cursor", "not a cursor of this list: pass next_cursor of the page before, as it is"
    )
