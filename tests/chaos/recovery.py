"""How long a fault was felt, from what the targets recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.faults.base import Injection
from tests.chaos.judge.attempts import retried, step_of
from tests.chaos.judge.facts import FOR_EVER, History, Job, Step
from tests.chaos.judge.needs import instants_of
from tests.chaos.judge.runs import Run, runs_of
from tests.chaos.timing import ON_TIME

_BEFORE = 1_000
"""How much before the injection something may have been due, or in mid-request, that it made late."""


@dataclass(frozen=True, slots=True, order=True)
class Late:
    """One arrival that was late: when it should have come, when it came, and of what it is."""

    due: int
    at: int
    key: str
    again: bool = False
    """It is an attempt after one that was cut, and `due` is when that ended."""


class Felt:
    """What was late, and what was cut and made again."""

    def __init__(self, history: History) -> None:
        self._late = [*_late(history), *_again(history)]

    def of(self, injection: Injection) -> Sequence[Late]:
        """What was late because of it."""
        span = range(injection.injected_at - _BEFORE, _last(injection))
        return [late for late in self._late if late.due in span]

    def until(self, injection: Injection) -> int:
        """The last arrival that was late; when the bound began to count, if there was none."""
        return max([injection.since, *(late.at for late in self.of(injection))])

    def lasted(self, injection: Injection) -> int:
        """How long it was felt, in milliseconds, as its bound counts it."""
        if injection.fault.orderly:
            return max((late.at - late.due for late in self.of(injection)), default=0)
        return self.until(injection) - injection.since

    def cut(self, injection: Injection) -> int:
        """How many requests were in mid-request, and made again."""
        return sum(late.again for late in self.of(injection))


def _last(injection: Injection) -> int:
    """What becomes late after the fault is over and the next one has begun is not its doing."""
    return min(injection.over_at or FOR_EVER, max(injection.bound_at, injection.healed_at))


def _late(history: History) -> Iterator[Late]:
    """First starts that were not on time, but for those that waited for the end of a pause, for a limit or,
    where they have to be alone, for the occurrence before them."""
    runs = runs_of(history)
    for job in (job for job in history.jobs.values() if not (job.alone or job.waits)):
        due = {each.at: each.due for each in instants_of(job, history)}
        for step in (step for step in job.steps if not step.after):
            for run in runs.get((job.key, step.name), ()):
                at = due.get(run.instant, run.instant)
                if run.first.at - at > ON_TIME * 1000 and not _was_held(job, at, run.first.at):
                    yield Late(at, run.first.at, job.key)


def _was_held(job: Job, due: int, at: int) -> bool:
    return any(start <= at and end >= due for start, end in (pause.possible for pause in job.pauses))


def _again(history: History) -> Iterator[Late]:
    """Attempts after one that nobody answered, or the answer of which was not stored, or that was handed
    back; but for those that had to wait for a limit again."""
    for runs in runs_of(history).values():
        for run in runs:
            job = history.jobs.get(run.key)
            step = step_of(job, run.part) if job is not None else None
            if job is not None and step is not None and not job.waits:
                yield from _cuts(run, step, history)


def _cuts(run: Run, step: Step, history: History) -> Iterator[Late]:
    for before, after in pairwise(run.arrivals):
        if not retried(before, after, step, history):
            ended = after.at if before.ended is None else min(before.ended, after.at)
            yield Late(ended, after.at, run.key, again=True)
