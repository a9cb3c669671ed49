"""Putting entries together from what was read."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from karya.core.audit.case import Case
from karya.core.audit.pointers import Pointers, pointers_of
from karya.core.audit.records import Entry, JobRecord, LogRecord, Moment, Stretch, TaskRecord
from karya.core.job import JobState
from karya.core.times import EPOCH
from karya.store.client import Document
from karya.store.ledger.cuts import Cut, earliest
from karya.store.ledger.reading import Reading
from karya.store.ledger.records import log_record, range_record, steer, task_record

T = TypeVar("T")

Unreadable = dict[str, str]
"""By their ids, the jobs of documents that do not say what they should."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a sheet consists of, by job."""

    tasks: Mapping[str, Sequence[Document]]
    ranges: Mapping[str, Sequence[Document]]
    steers: Mapping[str, Sequence[Document]]
    triggers: Mapping[str, Sequence[Document]]


@dataclass(slots=True)
class Sheets:
    """Makes the entries of some jobs, as far as they fit on one sheet. `cut` says where the rest begins."""

    reading: Callable[[Sequence[JobRecord], Stretch], Reading]
    most_steers: int
    unreadable: Unreadable = field(default_factory=dict)
    cut: Cut | None = None

    async def entries(self, jobs: Sequence[JobRecord], stretch: Stretch) -> Sequence[Entry]:
        """The entries of these jobs, the newest first."""
        if not jobs:
            return []
        reading = self.reading(jobs, stretch)
        tasks, *cuts = await reading.tasks()
        ranges, cut = await reading.ranges()
        cuts.append(cut)
        steers, cut = await reading.steers()
        cuts.append(cut)
        triggers, cut = await reading.triggers()
        self.cut = cut = earliest([*cuts, cut])
        found = _Found(_by_job(tasks), _by_job(ranges), _by_job(steers), _by_job(triggers))
        if cut is None:
            return await self._made(jobs, stretch, found, is_last=True)
        if cut.place:
            return await self._made(jobs[: cut.place], stretch, found, is_last=True)
        return await self._made(jobs[:1], Stretch(stretch.since, cut.instant), found, is_last=False)

    async def _made(
        self, jobs: Sequence[JobRecord], stretch: Stretch, found: _Found, *, is_last: bool
    ) -> Sequence[Entry]:
        reading = self.reading(jobs, stretch)
        entries = await asyncio.to_thread(
            lambda: [self._entry(job, stretch, found, is_last=is_last) for job in jobs]
        )
        logs = await self._logs(reading, [task.id for entry in entries for task in entry.tasks])
        with_logs = [replace(entry, logs=_of(logs, entry.tasks)) for entry in entries]
        related = await self._with_related(reading, with_logs)
        return await _with_standing(reading, related) if is_last else related

    def _entry(self, job: JobRecord, stretch: Stretch, found: _Found, *, is_last: bool) -> Entry:
        steers = found.steers.get(job.id, ())
        tasks = self._parsed(found.tasks.get(job.id, ()), task_record)
        ranges = self._parsed(found.ranges.get(job.id, ()), range_record)
        return Entry(
            job=job,
            stretch=stretch,
            steers=list(reversed(self._parsed(steers[: self.most_steers], steer))),
            is_whole=len(steers) <= self.most_steers,
            tasks=[task for task in tasks if stretch.holds(task.instant)],
            ranges=[r for r in ranges if stretch.until is None or r.range.first < stretch.until],
            triggers=[t["at"] for t in found.triggers.get(job.id, ()) if stretch.holds(t["at"])],
            is_last=is_last,
        )

    def _parsed(self, documents: Iterable[Document], parse: Callable[[Document], T]) -> list[T]:
        """What can be read; what cannot is noted."""
        records: list[T] = []
        for document in documents:
            try:
                records.append(parse(document))
            except (ValueError, LookupError, TypeError):
                self.unreadable[document["_id"]] = document["job_id"]
        return records

    async def _with_related(self, reading: Reading, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Reads what they point to, which only jobs with hooks do."""
        pointers = {entry.job.id: _pointers(entry) for entry in entries if _has_hooks(entry)}
        if not pointers:
            return entries
        ids = {ident for each in pointers.values() for ident in each.tasks}
        tasks = self._parsed(await reading.tasks_of(ids), task_record)
        logs = await self._logs(reading, [task.id for task in tasks if task.is_step])
        related: dict[str, list[TaskRecord]] = defaultdict(list)
        for task in tasks:
            related[task.job_id].append(task)
        return [
            await self._related(reading, entry, pointers[entry.job.id], related[entry.job.id], logs)
            if entry.job.id in pointers
            else entry
            for entry in entries
        ]

    async def _related(
        self,
        reading: Reading,
        entry: Entry,
        pointers: Pointers,
        tasks: Sequence[TaskRecord],
        logs: Mapping[str, Sequence[LogRecord]],
    ) -> Entry:
        misfires = self._parsed(await reading.misfire_hooks(entry.job.id, pointers.misfires), task_record)
        ranges = self._parsed(await reading.ranges_from(entry.job.id, pointers.ranges), range_record)
        outside = {task.id for task in entry.tasks}
        return replace(
            entry,
            related={task.id: task for task in (*tasks, *misfires) if task.id not in outside},
            related_ranges=ranges,
            logs={**entry.logs, **_of(logs, tasks)},
        )

    async def _logs(self, reading: Reading, task_ids: Sequence[str]) -> Mapping[str, Sequence[LogRecord]]:
        found: dict[str, list[LogRecord]] = defaultdict(list)
        for log in self._parsed(await reading.logs(task_ids), log_record):
            found[log.task_id].append(log)
        return found


async def _with_standing(reading: Reading, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Adds what concerns the jobs as a whole."""
    counts = await reading.open_steps()
    cancelled = await reading.cancelled_ancestors()
    return [
        replace(
            entry,
            open_steps=counts.get(entry.job.id, 0),
            ended_at=await _ended_at(reading, entry.job, counts.get(entry.job.id, 0)),
            ancestor_cancelled_at=_first_cancelled(entry.job, cancelled),
        )
        for entry in entries
    ]


async def _ended_at(reading: Reading, job: JobRecord, open_steps: int) -> datetime | None:
    """Only for one that seems to have been forgotten: all of its tasks are looked at."""
    seems_over = job.status is JobState.ACTIVE and job.cursor.exhausted and not open_steps
    return await reading.ended_at(job) if seems_over else None


def _first_cancelled(job: JobRecord, cancelled: Mapping[str, datetime]) -> datetime | None:
    return min((cancelled[ident] for ident in job.ancestors if ident in cancelled), default=None)


def _pointers(entry: Entry) -> Pointers:
    return pointers_of(Case(entry, Moment(now=EPOCH, patience=EPOCH - EPOCH)))


def _has_hooks(entry: Entry) -> bool:
    outlines = [entry.job.outline, *(steer.outline for steer in entry.steers if steer.outline)]
    return any(outline.hooks for outline in outlines) or any(not task.is_step for task in entry.tasks)


def _of(
    logs: Mapping[str, Sequence[LogRecord]], tasks: Iterable[TaskRecord]
) -> Mapping[str, Sequence[LogRecord]]:
    return {task.id: logs[task.id] for task in tasks if task.id in logs}


def _by_job(documents: Iterable[Document]) -> Mapping[str, Sequence[Document]]:
    found: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        found[document["job_id"]].append(document)
    return found
