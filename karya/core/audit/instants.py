"""The instants of a job: all that its schedules have made are on record, and no others."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise

from karya.core.audit.case import Case
from karya.core.audit.chains import Chain, max_runs_of
from karya.core.audit.findings import Code, Finding
from karya.core.audit.records import RangeRecord, TaskRecord
from karya.core.audit.walk import Walk
from karya.core.schedule import Once
from karya.core.times import MILLISECOND, format_instant

Numbers = Mapping[int, int]
"""By the version that brought a schedule: the number of its next instant, behind what was walked before."""


class Instants:
    """Walks all chains of a case. `numbers` go on where the stretch before this one ended."""

    def __init__(self, case: Case, numbers: Numbers) -> None:
        self._case = case
        self._before = numbers
        self._present: dict[datetime, list[TaskRecord]] = defaultdict(list)
        for task in case.steps:
            if task.is_scheduled:
                self._present[task.instant].append(task)
        self._ranges = sorted(case.entry.ranges, key=lambda record: record.range.first)
        self.numbers: dict[int, int] = {}

    def findings(self) -> Iterator[Finding]:
        """What is missing, doubled, or should not be there."""
        justified: set[datetime] = set()
        for chain in self._case.history.line.chains:
            walk, first, last = self._walk(chain)
            if first <= last:
                yield from walk.findings(first, last)
                justified |= walk.justified
                if walk.number is not None and chain.last > last:
                    self.numbers[chain.version] = walk.number
        yield from self._not_justified(justified)
        yield from self._doubled()

    def _walk(self, chain: Chain) -> tuple[Walk, datetime, datetime]:
        since, until = self._case.entry.stretch.since, self._case.entry.stretch.until
        first = max(since or chain.first, chain.first)
        last = chain.last if until is None else min(chain.last, until - MILLISECOND)
        number = self._before.get(chain.version) if since is not None and since > chain.first else None
        if first <= self._case.complete_after:
            first, number = self._case.complete_after + MILLISECOND, None
        own = [record for record in self._ranges if self._belongs(record, chain)]
        known = chain.number_at(first) if number is None else number
        return Walk(self._case, chain, self._present, own, known), first, last

    def _belongs(self, record: RangeRecord, chain: Chain) -> bool:
        return self._case.history.line.of_version(record.version) is chain

    def _not_justified(self, justified: set[datetime]) -> Iterator[Finding]:
        """Of a job the older history of which is not known, only what belongs to a chain that is."""
        line = self._case.history.line
        for instant, tasks in self._present.items():
            is_unknown = line.numbering(tasks[0].version, instant) is None and not self._case.knows_all
            if instant in justified or is_unknown:
                continue
            old = not self._case.must_be_complete(instant)
            if old and any(chain.has(instant) for chain in line.chains):
                continue
            yield self._extra(tasks[0])

    def _extra(self, task: TaskRecord) -> Finding:
        version = self._case.history.version(task.version)
        schedule = version.outline.schedule if version else self._case.job.outline.schedule
        end = None if isinstance(schedule, Once) else schedule.end_at
        if end is not None and task.instant >= end:
            text = f"has a task, although the schedule ends at {format_instant(end)}"
            return self._case.finding(Code.AFTER_END, text, task=task)
        most = max_runs_of(schedule)
        if most is not None and task.count > most:
            text = f"has a task as number {task.count}, although max_runs is {most}"
            return self._case.finding(Code.BEYOND_MAX_RUNS, text, task=task)
        text = "has a task, and is no instant that the schedule has made"
        return self._case.finding(Code.EXTRA_INSTANT, text, task=task)

    def _doubled(self) -> Iterator[Finding]:
        for one, other in pairwise(self._ranges):
            if other.range.first <= one.range.last:
                text = f"lies in two skipped ranges, the other of which began at {_at(one)}"
                yield self._case.finding(Code.DUPLICATE, text, instant=other.range.first)
        places = iter(self._ranges)
        record = next(places, None)
        for instant in sorted(self._present):
            while record is not None and record.range.last < instant:
                record = next(places, None)
            if record is not None and record.holds(instant):
                text = f"has a task, and lies in the skipped range that begins at {_at(record)}, too"
                yield self._case.finding(Code.DUPLICATE, text, task=self._present[instant][0])


def _at(record: RangeRecord) -> str:
    return format_instant(record.range.first)
