"""The walk along one chain: each of its instants must be on record, once, under its own number."""

from bisect import bisect_right
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import datetime

from karya.core.audit.case import Case
from karya.core.audit.chains import Chain, max_runs_of
from karya.core.audit.findings import Code, Finding
from karya.core.audit.records import RangeRecord, TaskRecord
from karya.core.times import MILLISECOND, format_instant

Present = Mapping[datetime, Sequence[TaskRecord]]
"""The steps of scheduled occurrences, by their instant."""


class Walk:
    """One chain, between two of its instants. `number` is that of the next instant, None while it is unknown;
    `justified` are the instants on record that the chain accounts for."""

    def __init__(
        self,
        case: Case,
        chain: Chain,
        present: Present,
        ranges: Sequence[RangeRecord],
        number: int | None,
    ) -> None:
        self._case = case
        self._chain = chain
        self._present = present
        self._ranges = ranges
        self._known = sorted(present.keys() | chain.withdrawn)
        self._last: datetime | None = None
        self.number = number
        self.justified: set[datetime] = set()

    def findings(self, first: datetime, last: datetime) -> Iterator[Finding]:
        """What is wrong from `first` to `last`, both included."""
        at = first
        for record in self._ranges:
            if record.range.first > last:
                break
            yield from self._singles(at, record.range.first - MILLISECOND)
            if record.range.last >= at:
                yield from self._range(record, whole=record.range.first >= at)
                at = record.range.last + MILLISECOND
        yield from self._singles(at, last)
        if last == self._chain.last:
            yield from self._end()

    def _singles(self, first: datetime, last: datetime) -> Iterator[Finding]:
        """The instants that are in no range."""
        at = first
        while at <= last:
            at = yield from self._until_gap(at, last)

    def _until_gap(self, first: datetime, last: datetime) -> Generator[Finding, None, datetime]:
        """Up to the next instant that is missing, and over the gap; returns where to go on."""
        for at in self._chain.between(first, last):
            self._last = at
            if at in self._chain.withdrawn:
                self._count(1)
            elif at in self._present:
                yield from self._found(at)
            else:
                return (yield from self._gap(at, last))
        return last + MILLISECOND

    def _found(self, at: datetime) -> Iterator[Finding]:
        self.justified.add(at)
        own = [task for task in self._present[at] if self._has_numbered(task)]
        if self.number is None and own:
            self.number = own[0].count
        if self.number is not None:
            most = max_runs_of(self._chain.schedule)
            if most is not None and self.number > most:
                text = f"is number {self.number} of a schedule with max_runs {most}"
                yield self._case.finding(Code.BEYOND_MAX_RUNS, text, instant=at)
            wrong = next((task for task in own if task.count != self.number), None)
            if wrong is not None:
                text = f"its task says that it is number {wrong.count} of its job; it is number {self.number}"
                yield self._case.finding(Code.WRONG_NUMBER, text, task=wrong)
        self._count(1)

    def _has_numbered(self, task: TaskRecord) -> bool:
        return self._case.history.line.numbering(task.version, task.instant) is self._chain

    def _gap(self, at: datetime, last: datetime) -> Generator[Finding, None, datetime]:
        """The instants from this one on that are missing, up to the next of which something is known."""
        place = bisect_right(self._known, at)
        end = min(last, self._known[place] - MILLISECOND) if place < len(self._known) else last
        passed = self._chain.passed(at, end)
        self._last = passed.last
        self._count(passed.count)
        if passed.count == 1 or passed.last is None:
            text = "neither has a task nor lies in a skipped range"
        else:
            text = (
                f"and the {passed.count - 1:,} instants behind it, up to {format_instant(passed.last)}, "
                "neither have tasks nor lie in a skipped range"
            )
        yield self._case.finding(Code.MISSING_INSTANT, text, instant=at)
        return (passed.last or end) + MILLISECOND

    def _range(self, record: RangeRecord, *, whole: bool) -> Iterator[Finding]:
        """A skipped range. One that begins before the walk is not counted here."""
        run = record.range
        self._last = run.last
        if not whole:
            self.number = None
            return
        passed = self._chain.passed(run.first, run.last)
        starts = next(self._chain.between(run.first, run.first), None) is not None
        counted = passed.count < self._chain.most
        if not starts or (counted and (passed.count, passed.last) != (run.count, run.last)):
            yield self._case.finding(Code.WRONG_RANGE, _wrong_range(record, passed.count), instant=run.first)
        self._count(run.count)

    def _end(self) -> Iterator[Finding]:
        """The cursor stands on the last instant, and counts it."""
        chain = self._chain
        if self._last != chain.last:
            text = "the cursor stands here, and the schedule has no such instant"
            yield self._case.finding(Code.WRONG_CURSOR, text, instant=chain.last)
        elif self.number is not None and self.number - 1 != chain.count:
            text = f"the cursor says that this is number {chain.count} of its job; it is {self.number - 1}"
            yield self._case.finding(Code.WRONG_CURSOR, text, instant=chain.last)

    def _count(self, more: int) -> None:
        if self.number is not None:
            self.number += more


def _wrong_range(record: RangeRecord, count: int) -> str:
    run = record.range
    return (
        f"the skipped range up to {format_instant(run.last)} says that it holds {run.count:,} instants; the "
        f"schedule has {count:,} from its first to its last"
    )
