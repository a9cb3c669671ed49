"""What clients read: jobs, their tasks, their past and their future."""

import asyncio
from datetime import datetime
from itertools import islice

from karya.actors.server.checks import Checks
from karya.actors.server.past import versions_view
from karya.core.action import Action
from karya.core.errors import existing
from karya.core.job import LIVE_STATES, Job, new_job
from karya.core.ports import Clock, ErrorLogRepository, JobRepository, Page, TaskRepository
from karya.core.ports.lifecycle import History
from karya.core.queries import JobQuery
from karya.core.schedule.walls import WallClock
from karya.core.spec import JobSpec
from karya.core.times import floor_millis
from karya.core.views import (
    ErrorPage,
    JobPage,
    JobView,
    PreviewView,
    SummaryView,
    TaskPage,
    VersionsView,
)
from karya.core.views.lines import JobLine
from karya.core.views.overview import AtLeast

_SUMMARY_ITEMS = 20
_MOST_COUNTED = 5_000
MOST_DEAD = 10_000
"""Where the counting of the dead letters of all jobs on a page stops."""


class Reading:
    """Changes nothing."""

    def __init__(
        self,
        jobs: JobRepository,
        tasks: TaskRepository,
        error_logs: ErrorLogRepository,
        history: History,
        checks: Checks,
        clock: Clock,
    ) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._error_logs = error_logs
        self._history = history
        self._checks = checks
        self._clock = clock

    async def get(self, job_id: str) -> JobView:
        """See `JobService.get`."""
        return JobView.of(await self._existing(job_id), self._clock.now())

    async def list(self, query: JobQuery, *, cursor: str | None, limit: int) -> JobPage:
        """See `JobService.list`."""
        page = await self._jobs.list(query, cursor=cursor, limit=limit)
        now = self._clock.now()
        return JobPage(jobs=tuple(JobView.of(job, now) for job in page.items), next_cursor=page.next_cursor)

    async def job_lines(self, query: JobQuery, *, cursor: str | None, limit: int) -> Page[JobLine]:
        """See `JobService.job_lines`."""
        page, dead = await self._jobs.list_with_dead(query, cursor=cursor, limit=limit, most=MOST_DEAD)
        now, is_cut = self._clock.now(), sum(dead.values()) >= MOST_DEAD
        lines = (
            JobLine(JobView.of(job, now), AtLeast(count=dead.get(job.id, 0), more=is_cut))
            for job in page.items
        )
        return Page(tuple(lines), page.next_cursor)

    async def tasks(self, job_id: str, *, cursor: str | None, limit: int) -> TaskPage:
        """See `JobService.tasks`."""
        await self._existing(job_id)
        page = await self._tasks.of_job(job_id, cursor=cursor, limit=limit)
        return TaskPage.of(page.items, page.next_cursor)

    async def summary(self, job_id: str) -> SummaryView:
        """See `JobService.summary`."""
        job = await self._existing(job_id)
        counts, tasks, errors = await asyncio.gather(
            self._tasks.counts(job_id, _MOST_COUNTED),
            self._tasks.of_job(job_id, cursor=None, limit=_SUMMARY_ITEMS),
            self._error_logs.of_job(job_id, cursor=None, limit=_SUMMARY_ITEMS),
        )
        return SummaryView.of(
            job, self._clock.now(), counts.of, tasks.items, errors.items, at_least=counts.at_least
        )

    async def errors(self, job_id: str, *, cursor: str | None, limit: int) -> ErrorPage:
        """See `JobService.errors`."""
        await self._existing(job_id)
        page = await self._error_logs.of_job(job_id, cursor=cursor, limit=limit)
        return ErrorPage.of(page.items, page.next_cursor)

    async def versions(self, job_id: str, *, cursor: str | None, limit: int) -> VersionsView:
        """See `JobService.versions`."""
        job = await self._existing(job_id)
        return versions_view(job, await self._history.page(job_id, cursor=cursor, limit=limit))

    async def occurrences(self, job_id: str, limit: int) -> PreviewView:
        """See `JobService.occurrences`. Of a paused job: as if it were resumed now."""
        return await ahead(await self._existing(job_id), self._clock.now(), limit)

    async def preview(self, spec: JobSpec[Action], limit: int) -> PreviewView:
        """See `JobService.preview`."""
        now = floor_millis(self._clock.now())
        await self._checks.check(spec, set())
        new_job(spec, now)
        return await asyncio.to_thread(PreviewView.of_schedule, spec.schedule, now, limit)

    async def _existing(self, job_id: str) -> Job:
        return existing(await self._jobs.get(job_id), "job", job_id)


async def ahead(job: Job, now: datetime, limit: int) -> PreviewView:
    """The next instants of a job; of a paused one as if it were resumed now."""
    if job.status not in LIVE_STATES:
        return PreviewView(instants=(), due_at=())
    if isinstance(job.schedule, WallClock):  # for these one has to search, which may take long
        instants = await asyncio.to_thread(_first, job, now, limit)
    else:
        instants = _first(job, now, limit)
    return PreviewView(instants=instants, due_at=tuple(job.schedule.due_at(job.id, at) for at in instants))


def _first(job: Job, now: datetime, limit: int) -> tuple[datetime, ...]:
    return tuple(islice(job.ahead(now), limit))
