"""Where the reader of a page is in the lists that it shows: each has its own cursor in the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

from karya.api.requests import read_filters
from karya.core.queries import Paging

Cursors = Mapping[str, str | None]
"""The cursor of each list, by its name in the address."""


@dataclass(frozen=True, slots=True)
class Pager:
    """The ways from a page of one list: back to its first, and on. The other lists stay where they are."""

    is_first: bool
    first: str
    has_more: bool
    next: str


def page_wanted(request: Request, name: str, limit: int) -> Paging:
    """The page of the list that has this name in the address. Raises InvalidInput."""
    cursor = request.query_params.get(name)
    return read_filters({"limit": str(limit), **({"cursor": cursor} if cursor else {})}, Paging)


def place(cursors: Cursors) -> str:
    """The query of the address under which all lists are where they are."""
    given = {name: cursor for name, cursor in cursors.items() if cursor}
    return f"?{urlencode(given)}" if given else ""


def pagers_of(path: str, here: Cursors, following: Cursors) -> Mapping[str, Pager]:
    """The ways from each list, which is `here` and goes on at what is `following`."""
    return {
        name: Pager(
            is_first=not here[name],
            first=path + place({**here, name: None}),
            has_more=cursor is not None,
            next=path + place({**here, name: cursor}),
        )
        for name, cursor in following.items()
    }
