"""Makes outcomes durable: together with whatever else is waiting, and again until it is certain."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from karya.actors.metrics import WorkerMetrics
from karya.core.coalesce import Coalescer
from karya.core.errors import StoreUnavailable
from karya.core.hint import Hint
from karya.core.ports import Clock, Commit, Commits, JobRepository
from karya.core.task import TaskKind
from karya.core.transitions import Move

log = structlog.get_logger("karya.worker")

_MOST_TOGETHER = 500
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
        clock: Clock,
        metrics: WorkerMetrics,
        poke: Callable[[datetime], None],
    ) -> None:
        self._commits = commits
        self._jobs = jobs
        self._clock = clock
        self._metrics = metrics
        self._poke = poke
        self._group: Coalescer[Report, bool] = Coalescer(self._write, _MOST_TOGETHER)

    async def report(self, report: Report) -> bool:
        """Waits until the transition is durable; False when the lease was lost and nothing was written.

        A caller that is cancelled meanwhile does not keep it from being written.
        """
        return await self._group.add(report)

    async def _write(self, reports: Sequence[Report]) -> Sequence[bool]:
        with self._metrics.commit_seconds.time():
            lost = await self._commit(reports)
        if lost:
            self._metrics.lost.inc(len(lost))
            log.warning("leases_lost", tasks=sorted(lost)[:10], count=len(lost))
        kept = [report for report in reports if report.hint.task_id not in lost]
        await self._follow_up(kept)
        return [report.hint.task_id not in lost for report in reports]

    async def _commit(self, reports: Sequence[Report]) -> frozenset[str]:
        """Tries until the store answers or every lease has run out; the write is fenced and repeatable."""
        commits = [report.commit for report in reports]
        give_up = max(report.trusted_until for report in reports)
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._commits.commit(commits, self._clock.now())
            except StoreUnavailable as error:
                log.warning("commit_delayed", count=len(commits), error=str(error))
                if self._clock.monotonic() + pause > give_up:
                    return frozenset(commit.task_id for commit in commits)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _follow_up(self, reports: Sequence[Report]) -> None:
        """Ends the jobs that ended with their tasks, and tells the scheduler what is due because of it."""
        now = self._clock.now()
        due = [_due_at(r, now) for r in reports if r.commit.transition.move is not Move.SUCCEED]
        steps = [r for r in reports if r.hint.kind is TaskKind.STEP]
        ended = [r for r in steps if r.commit.transition.move not in (Move.RETRY, Move.RELEASE)]
        try:
            await self._jobs.complete_solo([r.hint.job_id for r in ended if r.hint.solo], now)
            if await self._jobs.settle([r.hint.job_id for r in ended if not r.hint.solo], now):
                due.append(now)
        except StoreUnavailable as error:
            log.warning("settling_left_to_janitor", error=str(error))
        if due:
            self._poke(min(due))


def _due_at(report: Report, now: datetime) -> datetime:
    due_at = report.commit.transition.changes.get("due_at")
    return due_at if isinstance(due_at, datetime) else now
