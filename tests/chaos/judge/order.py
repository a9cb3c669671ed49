"""The check of the steps of an occurrence: none begins before those that it comes after have ended."""

from collections.abc import Iterator

from tests.chaos.judge.facts import History, Job
from tests.chaos.judge.runs import Runs
from tests.chaos.judge.verdict import Kind, Violation


def order(job: Job, runs: Runs, history: History) -> Iterator[Violation]:
    """Of every occurrence, by the instants that its runs name."""
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
