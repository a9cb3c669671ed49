"""The chain of instants that each schedule of a job has made, from version to version."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from karya.core.audit.records import Steer
from karya.core.job import Cursor
from karya.core.schedule import Interval, Once, Schedule
from karya.core.schedule.base import Passed
from karya.core.times import MILLISECOND

_ANY_NUMBER = 2**62
MOST_COUNTED = 100_000
"""How many instants of a calendar rule are counted in one go; of an interval, any number."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The instants of a schedule from `first` to `last`, without a gap. The first is number `number` of the
    job, the last is number `count`. `version` is the first one that has this schedule. What later updates
    have `withdrawn` needs no record."""

    version: int
    schedule: Schedule
    anchor: datetime
    first: datetime
    number: int
    last: datetime
    count: int
    withdrawn: frozenset[datetime] = frozenset()

    def has(self, instant: datetime) -> bool:
        """Whether the instant belongs to it."""
        return next(self.between(instant, instant), None) is not None

    def between(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Its instants from `first` to `last`, both included."""
        first, last = max(first, self.first), min(last, self.last)
        if isinstance(self.schedule, Once):
            found: Iterator[datetime] = iter([self.anchor] if self.anchor >= first else [])
        else:
            found = self.schedule.instants(self.anchor, first - MILLISECOND)
        for at in found:
            if at > last:
                return
            yield at

    def passed(self, first: datetime, last: datetime) -> Passed:
        """How many instants lie from `first` to `last`, both included, and the last of them; of a calendar no
        more than MOST_COUNTED."""
        if isinstance(self.schedule, Once):
            found = list(self.between(first, last))
            return Passed(len(found), found[-1] if found else None)
        return self.schedule.run_past(self.anchor, first - MILLISECOND, last, self.most)

    @property
    def most(self) -> int:
        """How many instants `passed` counts."""
        return _ANY_NUMBER if isinstance(self.schedule, Interval) else MOST_COUNTED

    def number_at(self, instant: datetime) -> int | None:
        """The number of the first of its instants from this one on; None where only counting them all would
        tell."""
        if instant <= self.first:
            return self.number
        if not isinstance(self.schedule, Interval):
            return None
        return self.number + self.passed(self.first, instant - MILLISECOND).count


def max_runs_of(schedule: Schedule) -> int | None:
    """How many instants a job with this schedule may have had by its end. A job that was recurring, and was
    changed to run once more, has had any number."""
    return None if isinstance(schedule, Once) else schedule.max_runs


@dataclass(frozen=True, slots=True)
class Line:
    """The chains of a job, one for each time that its schedule changed and had instants left; and, where the
    present schedule had none left when it came, the cursor that was written then."""

    chains: Sequence[Chain] = ()
    rest: Cursor | None = None

    def of_version(self, number: int) -> Chain | None:
        """The chain to which the instants of this version belong."""
        return next((chain for chain in reversed(self.chains) if chain.version <= number), None)

    def numbering(self, version: int, instant: datetime) -> Chain | None:
        """The chain that has numbered an occurrence of this instant and version: what waited, and was made
        again for a new schedule, has its number from that, unless its instant comes before the new ones."""
        made = (chain for chain in reversed(self.chains) if chain.version <= version)
        return next((chain for chain in made if chain.first <= instant), None)


@dataclass(frozen=True, slots=True)
class Epoch:
    """A version that brought a schedule of its own. `made_by` is its update, None for the submission."""

    version: int
    schedule: Schedule
    made_by: Steer | None


def line_of(epochs: Sequence[Epoch], created_at: datetime, cursor: Cursor) -> Line:
    """The chains of these epochs, of which the last has come to the cursor."""
    chains: list[Chain] = []
    withdrawn: frozenset[datetime] = frozenset()
    end = cursor
    for epoch in reversed(epochs):
        start = _start(epoch, created_at)
        if start is not None:
            at, number = start
            anchor = epoch.schedule.anchor(created_at)
            chains.insert(
                0, Chain(epoch.version, epoch.schedule, anchor, at, number, end.at, end.count, withdrawn)
            )
        if epoch.made_by is not None:
            withdrawn |= frozenset(epoch.made_by.withdrawn)
            end = epoch.made_by.before or end
    rests = epochs and epochs[-1].made_by is not None and _start(epochs[-1], created_at) is None
    return Line(chains, epochs[-1].made_by.after if rests and epochs[-1].made_by else None)


def _start(epoch: Epoch, created_at: datetime) -> tuple[datetime, int] | None:
    """The first instant that the epoch made, and its number; None when it made none."""
    if epoch.made_by is None:
        first = epoch.schedule.first(created_at)
        return None if first is None else (first, 1)
    after = epoch.made_by.after
    if after is None or _is_rest(after, epoch):
        return None
    return after.at, after.count


def _is_rest(after: Cursor, epoch: Epoch) -> bool:
    """Whether the epoch had no instants left when it came. One that only moved the bounds may go on behind an
    outage, with an instant that had come; the others begin after the update."""
    update = epoch.made_by
    if update is None or isinstance(epoch.schedule, Once):
        return False
    behind = update.before is None or after.at <= update.before.at
    return after.at <= update.at and behind
