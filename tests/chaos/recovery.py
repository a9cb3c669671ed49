"""How long a fault was felt, from what the targets recorded."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.chaos.faults.base import Injection
from tests.chaos.judge.facts import FOR_EVER, History
from tests.chaos.judge.needs import instants_of
from tests.chaos.judge.runs import Run, runs_of
from tests.chaos.timing import ON_TIME

_BEFORE = 1_000
"""How much before the injection something may have been due, or in mid-request, that it made late."""


class Felt:
    """What was late, and what was cut and made again."""

    def __init__(self, history: History) -> None:
        self._late = sorted(_late(history))
        self._again = sorted(_again(history))

    def until(self, injection: Injection) -> int:
        """The last arrival that was late because of it; when its bound began to count, if there was none."""
        span = range(injection.injected_at - _BEFORE, _last(injection))
        felt = [at for due, at in (*self._late, *self._again) if due in span]
        return max([injection.since, *felt])

    def cut(self, injection: Injection) -> int:
        """How many requests were in mid-request, and made again."""
        span = range(injection.injected_at - _BEFORE, _last(injection))
        return sum(ended in span for ended, _ in self._again)


def _last(injection: Injection) -> int:
    """What becomes late after the fault is over and the next one has begun is not its doing."""
    return min(injection.over_at or FOR_EVER, max(injection.bound_at, injection.healed_at))


def _late(history: History) -> Iterator[tuple[int, int]]:
    """First starts that were not on time: when they were due, and when they arrived."""
    runs = runs_of(history)
    for job in history.jobs.values():
        due = {each.at: each.due for each in instants_of(job, history)}
        for step in (step for step in job.steps if not step.after):
            for run in runs.get((job.key, step.name), ()):
                at = due.get(run.instant, run.instant)
                if run.first.at - at > ON_TIME * 1000:
                    yield at, run.first.at


def _again(history: History) -> Iterator[tuple[int, int]]:
    """Attempts that nobody answered, and the ones after them: when the one ended, and the other arrived."""
    return (pair for runs in runs_of(history).values() for run in runs for pair in _cuts(run))


def _cuts(run: Run) -> Sequence[tuple[int, int]]:
    return [
        (after.at if before.ended is None else min(before.ended, after.at), after.at)
        for before, after in pairwise(run.arrivals)
        if before.status is None or before.succeeded
    ]
