"""From a history to a verdict."""

from collections.abc import Iterator
from itertools import pairwise

from tests.chaos.judge.attempts import attempts, cut, handed_back, retried, step_of
from tests.chaos.judge.facts import History, Job, Step
from tests.chaos.judge.heard import heard
from tests.chaos.judge.hooks import hooks
from tests.chaos.judge.ledger import Instants, Ledger
from tests.chaos.judge.limits import limits
from tests.chaos.judge.names import names
from tests.chaos.judge.needs import Need, instants_of
from tests.chaos.judge.order import order, overlaps
from tests.chaos.judge.runs import Run, Runs, runs_of
from tests.chaos.judge.steering import steering
from tests.chaos.judge.verdict import Kind, Verdict, Violation


def judge(history: History) -> Verdict:
    """Judges all of it."""
    return _Judge(history).verdict()


class _Judge:
    def __init__(self, history: History) -> None:
        self._history = history
        self._runs: Runs = runs_of(history)
        self._violations: list[Violation] = []
        self._expected = self._retried = self._excused = self._handed_back = 0

    def verdict(self) -> Verdict:
        for places in self._runs.values():
            for run in places:
                self._attempts(run)
        for job in self._history.jobs.values():
            self._violations += self._of(job)
        for check in (limits, names, heard):
            self._violations += check(self._runs, self._history)
        violations = tuple(sorted(self._violations, key=lambda each: (each.at, each.key)))
        seen = sum(map(len, self._runs.values()))
        return Verdict(violations, self._expected, seen, self._retried, self._excused, self._handed_back)

    def _attempts(self, run: Run) -> None:
        job = self._history.jobs.get(run.key)
        step = step_of(job, run.part) if job is not None else None
        if job is None or step is None:
            self._violations.append(
                Violation(Kind.EXTRA, run.key, run.part, "nobody asked for it", run.first.at)
            )
            return
        self._violations += attempts(run, step, self._history)
        for before, after in pairwise(run.arrivals):
            if retried(before, after, step, self._history):
                self._retried += 1
            elif handed_back(before, after, self._history):
                self._handed_back += 1
            elif cut(before, after, self._history):
                self._excused += 1

    def _of(self, job: Job) -> Iterator[Violation]:
        instants = {each.at: each for each in instants_of(job, self._history)}
        for step in job.steps:
            if step.visible:
                yield from self._ledger(job, step, instants)
        runs = [run for step in job.steps for run in self._runs.get((job.key, step.name), ())]
        yield from steering(job, runs, self._history)
        yield from order(job, self._runs, self._history)
        yield from overlaps(job, runs, self._history)
        yield from hooks(job, self._runs, instants, self._history)
        yield from _anchor(job, self._history)

    def _ledger(self, job: Job, step: Step, instants: Instants) -> Iterator[Violation]:
        if job.outcomes[step.name] != "SKIPPED":
            self._expected += sum(each.need is Need.REQUIRED for each in instants.values())
        runs = self._runs.get((job.key, step.name), ())
        return Ledger(job, step, runs, instants, self._history).violations()


def _anchor(job: Job, history: History) -> Iterator[Violation]:
    """A chained job was created by its parent, whenever that came to it."""
    if job.created is None or job.acked is None or job.parent is not None:
        return
    skew = history.limits.skew
    if not job.sent - skew <= job.created <= job.acked + skew:
        text = f"created at {job.created}, submitted from {job.sent} to {job.acked}"
        yield Violation(Kind.ANCHOR, job.key, "submit", text, job.created)
