"""The checks of events: whoever listens, and comes again with the id of the last one, misses no end of a task
and hears nothing twice."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos.judge.attempts import step_of
from tests.chaos.judge.facts import Heard, History
from tests.chaos.judge.runs import Run, Runs
from tests.chaos.judge.verdict import Kind, Violation

SUCCEEDED, DEAD, CANCELLED = "karya.task.succeeded", "karya.task.dead_lettered", "karya.task.cancelled"


def heard(runs: Runs, history: History) -> Iterator[Violation]:
    """What a listener heard, against what the targets know; nothing where nobody listened."""
    if history.heard is None:
        return
    told = Counter((each.kind, each.subject) for each in history.heard)
    for run in (run for places in runs.values() for run in places):
        kinds = _ends(run, history)
        if kinds and not any(told[kind, run.ident] for kind in kinds):
            text = f"no event told of the end of {run.ident}"
            yield Violation(Kind.UNHEARD, run.key, run.part, text, run.over_at)
    yield from _twice(history.heard, told)


def _ends(run: Run, history: History) -> frozenset[str]:
    """The events of which one must have been told; none where the target does not know the end."""
    job = history.jobs.get(run.key)
    step = None if job is None else step_of(job, run.part)
    if job is None or step is None:
        return frozenset()
    by_cancel = frozenset({CANCELLED}) if job.cancel is not None else frozenset[str]()
    if run.succeeded_at is not None:
        return by_cancel | {SUCCEEDED}
    is_spent = run.last.status is not None and run.last.attempt >= step.max_attempts
    return by_cancel | {DEAD} if is_spent else frozenset()


def _twice(events: tuple[Heard, ...], told: Counter[tuple[str, str]]) -> Iterator[Violation]:
    for position, times in Counter(each.position for each in events).items():
        if times > 1:
            yield Violation(Kind.DOUBLED, "events", "heard", f"{position} was told {times} times")
    for (kind, subject), times in told.items():
        if times > 1:
            yield Violation(Kind.DOUBLED, "events", "heard", f"{kind} of {subject} was told {times} times")
