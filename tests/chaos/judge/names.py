"""The checks of names: of two jobs that want one at the same time one is refused, and leaves nothing."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from tests.chaos.judge.facts import History, Job
from tests.chaos.judge.runs import Run, Runs
from tests.chaos.judge.verdict import Kind, Violation


def names(runs: Runs, history: History) -> Iterator[Violation]:
    """All of them."""
    named: dict[str, list[Job]] = defaultdict(list)
    for job in history.jobs.values():
        if job.name is not None and job.created is not None:
            named[job.name].append(job)
        if job.refused:
            yield from (_kept(run) for run in _of(job, runs))
    for name, jobs in named.items():
        for one, other in combinations(sorted(jobs, key=lambda job: job.created or 0), 2):
            lived = max((run.first.at for run in _of(one, runs)), default=0)
            if (other.acked or 0) < lived:
                text = f"its name {name!r} was that of {one.key}, which went on"
                yield Violation(Kind.NAME, other.key, "submit", text, other.acked or 0)


def _kept(run: Run) -> Violation:
    return Violation(Kind.EXTRA, run.key, run.part, f"{run.ident} of a job that was refused", run.first.at)


def _of(job: Job, runs: Runs) -> Iterator[Run]:
    return (run for (key, _), places in runs.items() if key == job.key for run in places)
