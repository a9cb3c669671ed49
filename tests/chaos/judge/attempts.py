"""The checks of one run: what follows what under one id."""

from collections.abc import Iterator
from itertools import pairwise

from tests.chaos.judge.facts import FOR_EVER, HOOK, Arrival, History, Job, Step
from tests.chaos.judge.runs import Run
from tests.chaos.judge.verdict import Kind, Violation

_HOOK = Step("hook")


def step_of(job: Job, part: str) -> Step | None:
    """The step that a part is; a plain one for hooks, None for what was never asked for."""
    if part.startswith(HOOK):
        return _HOOK if part.removeprefix(HOOK) in job.hooks else None
    return next((step for step in job.steps if step.name == part and step.visible), None)


def attempts(run: Run, step: Step, history: History) -> Iterator[Violation]:
    """Every later attempt has a reason, comes after its backoff, and shows it by attempt and token."""
    for before, after in pairwise(run.arrivals):
        yield from _risen(run, before, after, history)
        if not _has_reason(before, after, step, history):
            yield _found(Kind.DOUBLED, run, after, f"again after {_told(before)}, and nothing excuses it")
        elif _failed(before) and after.at < (before.ended or 0) + step.delay - history.limits.skew:
            early = (before.ended or 0) + step.delay - after.at
            yield _found(Kind.EARLY, run, after, f"retried {early} ms before the end of its backoff")
    if run.last.attempt > step.max_attempts:
        yield _found(Kind.EXTRA, run, run.last, f"attempt {run.last.attempt} of {step.max_attempts}")
    if len({arrival.instant for arrival in run.arrivals}) > 1:
        yield _found(Kind.EXTRA, run, run.last, "one id with two instants")


def retried(before: Arrival, after: Arrival, step: Step, history: History) -> bool:
    """Whether the attempt before was over, and had failed: by its answer, or by its time-out."""
    if before.ended is None or before.ended > after.at + history.limits.skew:
        return False
    return _failed(before) or _timed_out(before, step, history)


def cut(before: Arrival, after: Arrival, history: History) -> bool:
    """Whether trouble may have cut the attempt before: in mid-request, or before its outcome was stored."""
    ended = FOR_EVER if before.ended is None else before.ended
    until = min(after.at, ended + history.limits.commit)
    return any(trouble.start <= until and trouble.end >= before.at for trouble in history.troubles)


def handed_back(before: Arrival, after: Arrival, history: History) -> bool:
    """Whether a worker that ended in order broke the attempt before off and gave it back. It knows the answer
    of all that were answered."""
    if before.status is not None or before.ended is None or after.attempt != before.attempt:
        return False
    return any(drain.start <= before.ended <= drain.end for drain in history.drains)


def _has_reason(before: Arrival, after: Arrival, step: Step, history: History) -> bool:
    return (
        retried(before, after, step, history)
        or cut(before, after, history)
        or handed_back(before, after, history)
    )


def _failed(before: Arrival) -> bool:
    return before.status is not None and not before.succeeded


def _timed_out(before: Arrival, step: Step, history: History) -> bool:
    held = FOR_EVER if before.ended is None else before.ended - before.at
    return before.status is None and held >= step.timeout - history.limits.leaving


def _risen(run: Run, before: Arrival, after: Arrival, history: History) -> Iterator[Violation]:
    if after.attempt <= before.attempt and not handed_back(before, after, history):
        yield _found(Kind.FENCE, run, after, f"attempt {after.attempt} after {before.attempt}")
    if after.token <= before.token:
        yield _found(Kind.FENCE, run, after, f"token {after.token} after {before.token}")


def _told(arrival: Arrival) -> str:
    answer = "no answer" if arrival.status is None else str(arrival.status)
    return f"attempt {arrival.attempt} ({answer})"


def _found(kind: Kind, run: Run, arrival: Arrival, text: str) -> Violation:
    return Violation(kind, run.key, run.part, f"{run.ident} {text}", arrival.at)
