"""How a job stands, in the words of a person who asks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from karya.actors.server.past import versions_view
from karya.actors.server.reading import ahead
from karya.core.errors import existing
from karya.core.job import Job
from karya.core.ports import Clock, ErrorLogRepository, JobRepository, TaskRepository
from karya.core.ports.lifecycle import History, HistoryPage
from karya.core.task import Task, TaskState
from karya.core.views import ErrorView, JobStory, JobView, TaskPage, WhyView
from karya.core.why import Crew, why

_MOST_OPEN = 200
_MOST_ERRORS = 20


class Telling:
    """Changes nothing."""

    def __init__(
        self,
        jobs: JobRepository,
        tasks: TaskRepository,
        error_logs: ErrorLogRepository,
        history: History,
        clock: Clock,
        crew: Callable[[], Awaitable[Crew]],
    ) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._error_logs = error_logs
        self._history = history
        self._clock = clock
        self._crew = crew

    async def why(self, job_id: str) -> WhyView:
        """See `JobService.why`."""
        job, open_tasks = await asyncio.gather(
            self._jobs.get(job_id), self._tasks.open_of_job(job_id, _MOST_OPEN + 1)
        )
        return await self._waits(existing(job, "job", job_id), open_tasks)

    async def story(
        self,
        job_id: str,
        *,
        cursor: str | None,
        limit: int,
        instants: int,
        entries: int,
        history: str | None = None,
    ) -> JobStory:
        """See `JobService.story`."""
        found, open_tasks, page, errors, past = await asyncio.gather(
            self._jobs.get(job_id),
            self._tasks.open_of_job(job_id, _MOST_OPEN + 1),
            self._tasks.of_job(job_id, cursor=cursor, limit=limit),
            self._error_logs.of_job(job_id, _MOST_ERRORS),
            self._past(job_id, history, entries),
        )
        job = existing(found, "job", job_id)
        now = self._clock.now()
        waits, coming = await asyncio.gather(self._waits(job, open_tasks), ahead(job, now, instants))
        return JobStory(
            job=JobView.of(job, now),
            tasks=TaskPage.of(page.items, page.next_cursor),
            errors=tuple(map(ErrorView.of, errors)),
            why=waits,
            ahead=coming,
            versions=versions_view(job, past) if past else None,
        )

    async def _past(self, job_id: str, cursor: str | None, limit: int) -> HistoryPage | None:
        return await self._history.page(job_id, cursor=cursor, limit=limit) if limit else None

    async def _waits(self, job: Job, open_tasks: Sequence[Task]) -> WhyView:
        now = self._clock.now()
        # Asking the scheduler takes longer than all the rest, and tells something of what is due alone.
        is_due = any(_is_due(task, now) for task in open_tasks)
        parked = {task.limits for task in open_tasks if task.parked and task.limits}
        taken = await self._tasks.taken(parked) if parked else {}
        told = why(job, open_tasks[:_MOST_OPEN], await self._crew() if is_due else None, now, taken)
        return told.model_copy(update={"more": len(open_tasks) > _MOST_OPEN})


def _is_due(task: Task, now: datetime) -> bool:
    """Whether it waits for nothing but a worker."""
    return task.status is TaskState.READY and task.parked is None and task.due_at <= now
