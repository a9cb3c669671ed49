"""The checks of limits by key, over all jobs: as far as a target can see them.

A request is open for no longer than its task is RUNNING, but for one whose worker has lost the lease and goes
on beside the one that takes its place: that is known by the attempt that was made again, and holds no seat.
A start is counted when it is claimed, and reaches its target within the time that a request may be leaving.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from itertools import pairwise

from tests.chaos.judge.attempts import cut, retried, step_of
from tests.chaos.judge.facts import FOR_EVER, Arrival, History, Limit
from tests.chaos.judge.runs import Run, Runs
from tests.chaos.judge.verdict import Kind, Violation


def limits(runs: Runs, history: History) -> Iterator[Violation]:
    """All of them. Hooks are exempt."""
    seats: dict[Limit, list[Arrival]] = defaultdict(list)
    windows: dict[Limit, list[Arrival]] = defaultdict(list)
    for run in (run for places in runs.values() for run in places if not run.is_hook):
        job = history.jobs.get(run.key)
        if job is not None and job.seat is not None:
            seats[job.seat] += _holding(run, history)
        if job is not None and job.window is not None:
            windows[job.window] += _punctual(run.arrivals, history)
    yield from _at_once(seats)
    yield from _in_a_while(windows, history)


def _at_once(seats: Mapping[Limit, Iterable[Arrival]]) -> Iterator[Violation]:
    """The answer that was written down before another request came had ended before it."""
    for limit, arrivals in seats.items():
        ends: list[int] = []
        for arrival in sorted(arrivals, key=lambda each: each.number):
            while ends and ends[0] <= arrival.at:
                heappop(ends)
            heappush(ends, FOR_EVER if arrival.ended is None else arrival.ended)
            if len(ends) > limit.most:
                yield _found(arrival, f"{len(ends)} at once under {limit.key!r}, which allows {limit.most}")


def _in_a_while(windows: Mapping[Limit, Iterable[Arrival]], history: History) -> Iterator[Violation]:
    for limit, arrivals in windows.items():
        ordered = sorted(arrivals, key=lambda each: each.at)
        for first, beyond in zip(ordered, ordered[limit.most :], strict=False):
            took = beyond.at - first.at
            if took < limit.per - history.limits.leaving:
                yield _found(beyond, f"{limit.most + 1} within {took} ms under {limit.key!r}")


def _holding(run: Run, history: History) -> Iterator[Arrival]:
    """The attempts that hold a seat for as long as they are open: the last one, and those that had failed."""
    job = history.jobs[run.key]
    step = step_of(job, run.part)
    for before, after in pairwise(run.arrivals):
        if step is not None and retried(before, after, step, history) and not cut(before, after, history):
            yield before
    yield run.last


def _punctual(arrivals: Iterable[Arrival], history: History) -> Iterator[Arrival]:
    """Those that cannot have been claimed long before they came."""
    patience = history.limits.patience
    for arrival in arrivals:
        if not any(each.start <= arrival.at <= each.end + patience for each in history.troubles):
            yield arrival


def _found(arrival: Arrival, text: str) -> Violation:
    return Violation(Kind.LIMIT, arrival.key, arrival.part, f"{arrival.ident} is {text}", arrival.at)
