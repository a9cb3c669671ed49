"""The checks of a cancel and of pauses: nothing arrives while they hold."""

from collections.abc import Iterator, Sequence

from tests.chaos.judge.facts import History, Job
from tests.chaos.judge.runs import Run
from tests.chaos.judge.verdict import Kind, Violation


def steering(job: Job, runs: Sequence[Run], history: History) -> Iterator[Violation]:
    """No attempt of a step starts once a cancel or a pause was acknowledged. One that was leaving may arrive;
    hooks are exempt."""
    leaving = history.limits.leaving
    for arrival in (arrival for run in runs if not run.is_hook for arrival in run.arrivals):
        told = f"attempt {arrival.attempt} of {arrival.ident}"
        if job.cancel is not None and arrival.at > job.cancel.holds_from + leaving:
            text = f"{told} {arrival.at - job.cancel.holds_from} ms after the answer"
            yield Violation(Kind.CANCELLED, job.key, arrival.part, text, arrival.at)
        for start, end in (pause.certain for pause in job.pauses):
            if start + leaving < arrival.at < end - history.limits.skew:
                text = f"{told} {arrival.at - start} ms after the answer"
                yield Violation(Kind.PAUSED, job.key, arrival.part, text, arrival.at)
