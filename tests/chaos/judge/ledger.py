"""The checks of one step of a job: its instants against its runs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tests.chaos.judge.facts import History, Job, Step
from tests.chaos.judge.matching import match
from tests.chaos.judge.needs import Instant, Need
from tests.chaos.judge.runs import Run
from tests.chaos.judge.schedules import Once
from tests.chaos.judge.verdict import Kind, Violation

Instants = Mapping[int, Instant]


class Ledger:
    """Each instant that had to run has one run, and each run an instant of its own."""

    def __init__(
        self, job: Job, step: Step, runs: Sequence[Run], instants: Instants, history: History
    ) -> None:
        self._job = job
        self._step = step
        self._runs = runs
        self._instants = instants
        self._history = history

    def violations(self) -> Iterator[Violation]:
        """By the instants that the runs name; if these are in order, by the times of the arrivals alone."""
        found = [*self._doubled(), *self._runs_wrong(), *self._lost()]
        yield from found
        if not found and not self._step.after and self._job.created is not None:
            yield from self._unmatched()

    @property
    def _is_skipped(self) -> bool:
        return self._job.outcomes[self._step.name] == "SKIPPED"

    def _doubled(self) -> Iterator[Violation]:
        for at, times in Counter(run.instant for run in self._runs).items():
            if times > 1:
                yield self._violation(Kind.DOUBLED, f"{times} ids for the instant {at}", at)
        if isinstance(self._job.schedule, Once) and len(self._runs) > 1 and self._job.created is None:
            yield self._violation(Kind.DOUBLED, f"{len(self._runs)} ids for a single instant")

    def _runs_wrong(self) -> Iterator[Violation]:
        for run in self._runs:
            if self._is_skipped:
                yield self._violation(Kind.EXTRA, f"{run.ident} was to be skipped", run.first.at)
                continue
            if run.first.at < run.instant - self._history.limits.skew:
                text = f"{run.ident} {run.instant - run.first.at} ms early"
                yield self._violation(Kind.EARLY, text, run.first.at)
            if self._job.created is not None:
                yield from self._misplaced(run, self._instants.get(run.instant))

    def _misplaced(self, run: Run, instant: Instant | None) -> Iterator[Violation]:
        end = getattr(self._job.schedule, "end", None)
        named = f"{run.ident} of {run.instant}"
        if instant is None and end is not None and run.instant >= end:
            yield self._violation(Kind.ENDED, named, run.first.at)
        elif instant is None and not self._is_cancelled_by(run.instant):
            yield self._violation(Kind.EXTRA, f"{named}, which is no instant of it", run.first.at)
        elif instant is not None and instant.need is Need.FORBIDDEN:
            yield self._violation(Kind.PAUSED, f"{named}, which passed in a pause", run.first.at)
        elif instant is not None and not self._step.after and run.first.at > instant.deadline:
            text = f"{named}, by {run.first.at - instant.deadline} ms"
            yield self._violation(Kind.LATE, text, run.first.at)

    def _is_cancelled_by(self, at: int) -> bool:
        """Such an instant is not among those of the job, and its run, if there is one, is told on its own."""
        return self._job.cancel is not None and at > self._job.cancel.holds_from

    def _lost(self) -> Iterator[Violation]:
        if self._is_skipped:
            return
        by_instant = {run.instant: run for run in self._runs}
        for each in self._instants.values():
            if each.need is not Need.REQUIRED:
                continue
            run = by_instant.get(each.at)
            if run is None:
                yield self._violation(Kind.LOST, f"no run of the instant {each.at}", each.deadline)
            elif self._is_given_up(run):
                text = f"{run.ident} of {each.at} given up after attempt {run.last.attempt}"
                yield self._violation(Kind.LOST, text, run.last.at)

    def _is_given_up(self, run: Run) -> bool:
        """A last attempt that trouble took before it called its target is not seen here."""
        if run.succeeded_at is not None or run.last.attempt >= self._step.max_attempts:
            return False
        return not (self._step.dies and any(t.end >= run.last.at for t in self._history.troubles))

    def _unmatched(self) -> Iterator[Violation]:
        arrivals = sorted(run.first.at for run in self._runs)
        left = match(list(self._instants.values()), arrivals, self._history.limits.skew)
        for each in left.instants:
            if each.need is Need.REQUIRED:
                yield self._violation(Kind.LOST, f"no arrival in the window of {each.at}", each.deadline)
        for position in left.arrivals:
            text = f"an arrival at {arrivals[position]} in no window that was free"
            yield self._violation(Kind.EXTRA, text, arrivals[position])

    def _violation(self, kind: Kind, text: str, at: int = 0) -> Violation:
        return Violation(kind, self._job.key, self._step.name, text, at)
