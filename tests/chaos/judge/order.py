"""The checks of what comes after what: steps after steps, and occurrences after occurrences."""

from collections.abc import Iterator, Sequence

from tests.chaos.judge.facts import History, Job
from tests.chaos.judge.runs import Run, Runs
from tests.chaos.judge.verdict import Kind, Violation


def order(job: Job, runs: Runs, history: History) -> Iterator[Violation]:
    """No step begins before those that it comes after have ended; by the instants that the runs name."""
    over = {
        (step.name, run.instant): run.over_at
        for step in job.steps
        for run in runs.get((job.key, step.name), ())
    }
    visible = {step.name for step in job.steps if step.visible and job.outcomes[step.name] != "SKIPPED"}
    for step in job.steps:
        for run in runs.get((job.key, step.name), ()):
            for name in visible.intersection(step.after):
                ended = over.get((name, run.instant))
                if ended is None or run.first.at < ended - history.limits.skew:
                    text = f"{run.ident} of {run.instant} before the end of {name}"
                    yield Violation(Kind.EARLY, job.key, step.name, text, run.first.at)


def overlaps(job: Job, runs: Sequence[Run], history: History) -> Iterator[Violation]:
    """No occurrence that is to be alone begins before the last attempt of the one before it is over."""
    ended, instant = 0, 0
    for run in sorted(runs, key=lambda run: run.first.number) if job.alone else ():
        if run.instant != instant and run.first.at < ended - history.limits.skew:
            text = f"{run.ident} of {run.instant} {ended - run.first.at} ms before the end of {instant}"
            yield Violation(Kind.OVERLAP, job.key, run.part, text, run.first.at)
        ends = [arrival.ended or history.until for arrival in run.arrivals]
        ended, instant = max(ended, *ends), run.instant
