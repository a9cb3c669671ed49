"""Many dead letters redriven or discarded, a slice at a time: each request is short, and can be counted."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from karya.cli.bar import Bar, breaking_off
from karya.core.keywords import LetterFilter

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


def move(client: "Client", verb: str, query: LetterFilter, *, quiet: bool) -> int:
    """Redrives or discards all that are dead now and match; how many. What dies meanwhile is left alone."""
    every = client.redrive_all if verb == "redrive" else client.discard_all
    with Bar("found", quiet=quiet) as bar:
        letters = bar.each(client.letters(**query))
        died = [letter.finished_at for letter in letters if letter.finished_at is not None]
    way_out = "the same again goes on with the rest"
    with Bar(DONE[verb], len(died), quiet=quiet) as bar, breaking_off(bar, f"are {DONE[verb]}; {way_out}"):
        for part in slices(died):
            some: LetterFilter = {**query, "died_after": part.after, "died_before": part.before}
            bar(bar.done + every(**some))
    return bar.done
