"""Many dead letters redriven or discarded, a slice at a time: each request is short, and can be counted."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from karya.cli.bar import Bar, breaking_off

if TYPE_CHECKING:
    from karya.client import Client

SLICE = 500
_MILLISECOND = timedelta(milliseconds=1)
DONE: Mapping[str, str] = {"redrive": "redriven", "discard": "discarded"}


@dataclass(frozen=True)
class Slice:
    """Those that died at or after the one instant and before the other."""

    after: datetime
    before: datetime


def slices(died: Iterable[datetime], size: int = SLICE) -> Iterator[Slice]:
    """Slices of about so many, the oldest first, which hold every one of these instants once."""
    ordered = sorted(died)
    if not ordered:
        return
    bounds = [*dict.fromkeys(ordered[::size]), ordered[-1] + _MILLISECOND]
    for after, before in pairwise(bounds):
        yield Slice(after, before)


def move(client: "Client", verb: str, query: Mapping[str, Any]) -> int:
    """Redrives or discards all that are dead now and match; how many. What dies meanwhile is left alone."""
    every = client.redrive_all if verb == "redrive" else client.discard_all
    given = {name: value for name, value in query.items() if value is not None}
    died = [letter.finished_at for letter in client.letters(**given) if letter.finished_at is not None]
    way_out = "the same again goes on with the rest"
    with Bar(DONE[verb], len(died)) as bar, breaking_off(bar, f"are {DONE[verb]}; {way_out}"):
        for part in slices(died):
            bar(bar.done + every(**{**given, "died_after": part.after, "died_before": part.before}))
    return bar.done
