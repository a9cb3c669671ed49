"""Makes outcomes durable: together with whatever else is waiting, and again until it is certain."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from karya.actors.metrics import WorkerMetrics
from karya.core.coalesce import Coalescer
from karya.core.errors import StoreUnavailable
from karya.core.hint import Hint
from karya.core.ports import Clock, Commit, Commits, JobRepository, Slots
from karya.core.task import OPEN_STATES, TaskKind
from karya.core.transitions import Move
from karya.core.words import some

log = structlog.get_logger("karya.worker")

_MOST_TOGETHER = 500
_REST_SECONDS = 0.01
"""A group costs the same whatever it carries, and claims have to wait for the same processors and journal."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """One transition to store, and until when (monotonic seconds) trying makes sense."""

    hint: Hint
    commit: Commit
    trusted_until: float


class Reporter:
    """Group commit of outcomes. A failure to settle a job is left to the janitor."""

    def __init__(
        self,
        commits: Commits,
        jobs: JobRepository,
        slots: Slots,
        clock: Clock,
        metrics: WorkerMetrics,
        poke: Callable[[datetime], None],
        rest: float = _REST_SECONDS,
    ) -> None:
        """`rest` is for how many seconds nothing is stored behind a small group."""
        self._commits = commits
        self._jobs = jobs
        self._slots = slots
        self._clock = clock
        self._metrics = metrics
        self._poke = poke
        self._group: Coalescer[Report, bool] = Coalescer(self._write, _MOST_TOGETHER, rest=rest)

    async def report(self, report: Report) -> bool:
        """Waits until the transition is durable; False when the lease was lost and nothing was written.

        A caller that is cancelled meanwhile does not keep it from being written.
        """
        return await self._group.add(report)

    async def _write(self, reports: Sequence[Report]) -> Sequence[bool]:
        latest, since = _latest(reports), self._clock.now()
        self._metrics.commit_tasks.observe(len(latest))
        with self._metrics.commit_seconds.time():
            lost = await self._commit(list(latest.values()))
        kept = {task_id: report for task_id, report in latest.items() if task_id not in lost}
        if len(kept) < len(reports):
            self._metrics.lost.inc(len(reports) - len(kept))
            log.warning("leases_lost", tasks=some(sorted(lost)), count=len(reports) - len(kept))
        await self._follow_up(list(kept.values()), since)
        return [kept.get(report.hint.task_id) is report for report in reports]

    async def _commit(self, reports: Sequence[Report]) -> frozenset[str]:
        """Tries until the store answers or every lease has run out; the write is fenced and repeatable."""
        commits = [report.commit for report in reports]
        give_up = max(report.trusted_until for report in reports)
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._commits.commit(commits, self._clock.now())
            except StoreUnavailable as error:
                tasks = some(commit.task_id for commit in commits)
                log.warning("commit_delayed", tasks=tasks, count=len(commits), error=str(error))
                if self._clock.monotonic() + pause > give_up:
                    return frozenset(commit.task_id for commit in commits)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _follow_up(self, reports: Sequence[Report], since: datetime) -> None:
        """Ends what ended with these tasks, and tells the scheduler what is due because of it. What was made
        with them is due no earlier than `since`, when storing them began."""
        now = self._clock.now()
        due = [_due_at(report, since) for report in reports if _makes_due(report)]
        try:
            if await self._end([report.hint for report in reports if _may_be_ended_step(report)], now):
                due.append(now)
        except StoreUnavailable as error:
            jobs = dict.fromkeys(report.hint.job_id for report in reports)
            log.warning("settling_left_to_janitor", jobs=some(jobs), count=len(jobs), error=str(error))
        if due:
            self._poke(min(due))

    async def _end(self, ended: Sequence[Hint], now: datetime) -> bool:
        """Gives back the slots of occurrences that ended with these steps, and ends the jobs that did;
        whether anything became due."""
        await self._jobs.complete_solo([hint.job_id for hint in ended if hint.solo], now)
        slotted = {(hint.job_id, hint.cause): None for hint in ended if hint.slotted and hint.cause}
        released = bool(slotted) and await self._slots.release(list(slotted), now)
        settled = await self._jobs.settle([hint.job_id for hint in ended if not hint.solo], now)
        return released or settled


def _latest(reports: Sequence[Report]) -> Mapping[str, Report]:
    """By task, the report of the latest claim: whoever claimed a task again has lost the earlier lease, and
    the store answers by task."""
    return {report.hint.task_id: report for report in sorted(reports, key=lambda one: one.hint.token)}


def _may_be_ended_step(report: Report) -> bool:
    """Of a slotted one even a retry may be the end: if a later occurrence has it cancelled meanwhile, the
    store makes it one, and that occurrence waits for the slot."""
    is_step, is_slotted = report.hint.kind is TaskKind.STEP, report.hint.slotted
    return is_step and (is_slotted or report.commit.transition.target not in OPEN_STATES)


def _makes_due(report: Report) -> bool:
    """Whether something is due because of it: the task itself again, a hook, a step behind, or one that waits
    for its seat."""
    is_plain = report.commit.transition.move is Move.SUCCEED and not report.hint.linked
    return not is_plain or report.commit.seat is not None


def _due_at(report: Report, since: datetime) -> datetime:
    """Before which nothing is due that the report makes READY: what is handed back stays due when it was, and
    the hooks of a retry are due at once."""
    return report.hint.due_at if report.commit.transition.move is Move.RELEASE else since
