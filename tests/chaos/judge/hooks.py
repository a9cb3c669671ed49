"""The checks of the hooks of a job: each fires once for each outcome that triggers it, and not before."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.chaos.judge.facts import HOOK, History, Job
from tests.chaos.judge.ledger import Instants
from tests.chaos.judge.needs import Need
from tests.chaos.judge.runs import Run, Runs
from tests.chaos.judge.schedules import Once
from tests.chaos.judge.verdict import Kind, Violation

_OUTCOMES = {"ON_SUCCESS": "SUCCEEDED", "ON_FAILURE": "DEAD"}


def hooks(job: Job, runs: Runs, instants: Instants, history: History) -> Iterator[Violation]:
    """All hooks of it."""
    for trigger in sorted(job.hooks):
        fired = runs.get((job.key, HOOK + trigger), ())
        yield from _doubled(job, trigger, fired)
        if trigger in _OUTCOMES:
            yield from _OfTasks(job, trigger, fired, runs, instants, history).violations()
        else:
            yield from _of_job(job, trigger, fired, runs, history)


def _doubled(job: Job, trigger: str, fired: Sequence[Run]) -> Iterator[Violation]:
    for about, times in Counter(run.first.about for run in fired).items():
        if times > 1:
            yield Violation(Kind.DOUBLED, job.key, HOOK + trigger, f"{times} ids about {about}")


class _OfTasks:
    """A hook of tasks fires for every run with its outcome. Runs that call no target are only counted."""

    def __init__(
        self, job: Job, trigger: str, fired: Sequence[Run], runs: Runs, instants: Instants, history: History
    ) -> None:
        self._job = job
        self._trigger = trigger
        self._fired = {run.first.about: run for run in fired}
        self._instants = instants
        self._history = history
        steps = [step for step in job.steps if job.outcomes[step.name] == _OUTCOMES[trigger]]
        self._causes = {
            run.ident: run for step in steps if step.visible for run in runs.get((job.key, step.name), ())
        }
        self._unseen = sum(not step.visible for step in steps)

    def violations(self) -> Iterator[Violation]:
        """What is wrong with it."""
        for ident, cause in self._causes.items():
            yield from self._caused(ident, cause)
        strangers = self._fired.keys() - self._causes.keys()
        yield from self._counted(len(strangers))

    def _caused(self, ident: str, cause: Run) -> Iterator[Violation]:
        hook = self._fired.get(ident)
        if hook is not None and hook.first.at < cause.over_at - self._history.limits.skew:
            yield self._violation(Kind.EARLY, f"before the end of {ident}", hook.first.at)
        instant = self._instants.get(cause.instant)
        if hook is None and instant is not None and instant.need is Need.REQUIRED:
            yield self._violation(Kind.LOST, f"nothing about {ident}", instant.deadline)

    def _counted(self, strangers: int) -> Iterator[Violation]:
        required = sum(each.need is Need.REQUIRED for each in self._instants.values())
        if strangers < self._unseen * required:
            yield self._violation(Kind.LOST, f"{strangers} of {self._unseen * required} that were due")
        if strangers > self._unseen * len(self._instants) and self._job.created is not None:
            yield self._violation(Kind.EXTRA, f"{strangers} about what did not come to that")

    def _violation(self, kind: Kind, text: str, at: int = 0) -> Violation:
        return Violation(kind, self._job.key, HOOK + self._trigger, text, at)


def _of_job(
    job: Job, trigger: str, fired: Sequence[Run], runs: Runs, history: History
) -> Iterator[Violation]:
    least, most = _times(job, trigger)
    if len(fired) < least:
        yield Violation(Kind.LOST, job.key, HOOK + trigger, "it never fired")
    if len(fired) > most:
        yield Violation(Kind.EXTRA, job.key, HOOK + trigger, f"it fired {len(fired)} times")
    if trigger == "ON_COMPLETION":
        ends = [run.over_at for step in job.steps for run in runs.get((job.key, step.name), ())]
        for run in fired:
            if run.first.at < max(ends, default=0) - history.limits.skew:
                text = f"{run.ident} before the end of the last run"
                yield Violation(Kind.EARLY, job.key, HOOK + trigger, text, run.first.at)


def _times(job: Job, trigger: str) -> tuple[int, int]:
    """How often it has to fire at least, and at most."""
    cancelled = job.cancel is not None and job.cancel.acked is not None
    if trigger == "ON_CANCELLED":
        return int(cancelled and job.parent is None), int(job.cancel is not None)
    ends = isinstance(job.schedule, Once) or job.schedule.max_runs is not None or job.schedule.end is not None
    return int(job.acked is not None and ends and job.cancel is None), int(ends and not cancelled)
