"""Where a sheet ends, when what its jobs have is more than goes on one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from karya.core.times import LATEST
from karya.store.client import Document


@dataclass(frozen=True, slots=True)
class Cut:
    """Before the job number `place`; of the first one, number 0, before this instant."""

    place: int
    instant: datetime | None = None


def cut_before(
    document: Document, places: Mapping[str, int], instant_of: Callable[[Document], datetime]
) -> Cut:
    """The cut that leaves this document out: with its whole job, unless that is the first one."""
    place = places[document["job_id"]]
    return Cut(place) if place else Cut(0, instant_of(document))


def earliest(cuts: Iterable[Cut | None]) -> Cut | None:
    """The one that leaves out most."""
    made = [cut for cut in cuts if cut is not None]
    return min(made, key=lambda cut: (cut.place, cut.instant or LATEST), default=None)
