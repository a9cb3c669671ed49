"""How a job stands, in the words of a person who asks."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from karya.actors.server.past import versions_view
from karya.actors.server.reading import ahead
from karya.core.errors import existing
from karya.core.job import Job
from karya.core.ports import Clock, ErrorLogRepository, JobRepository, Page, TaskRepository
from karya.core.ports.lifecycle import History, HistoryPage
from karya.core.queries import Paging
from karya.core.task import OPEN_STATES, Task, TaskState
from karya.core.views import ErrorPage, JobStory, JobView, TaskPage, Wait, WhyView
from karya.core.why import Crew, why


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

    async def why(self, job_id: str, *, cursor: str | None, limit: int) -> WhyView:
        """See `JobService.why`."""
        job, open_tasks = await asyncio.gather(
            self._jobs.get(job_id), self._tasks.open_of_job(job_id, cursor=cursor, limit=limit)
        )
        return await self._waits(existing(job, "job", job_id), open_tasks, is_behind=cursor is not None)

    async def wait(self, task_id: str) -> Wait | None:
        """See `JobService.wait`."""
        task = existing(await self._tasks.get(task_id), "task", task_id)
        if task.status not in OPEN_STATES:
            return None
        job = existing(await self._jobs.get(task.job_id), "job", task.job_id)
        return (await self._waits(job, Page((task,), None), is_behind=True)).tasks[0]

    async def story(
        self,
        job_id: str,
        *,
        tasks: Paging,
        waits: Paging,
        errors: Paging,
        history: Paging | None,
        instants: int,
    ) -> JobStory:
        """See `JobService.story`."""
        found, open_tasks, page, logs, past = await asyncio.gather(
            self._jobs.get(job_id),
            self._tasks.open_of_job(job_id, **dict(waits)),
            self._tasks.of_job(job_id, **dict(tasks)),
            self._error_logs.of_job(job_id, **dict(errors)),
            self._past(job_id, history),
        )
        job = existing(found, "job", job_id)
        now = self._clock.now()
        told, coming = await asyncio.gather(
            self._waits(job, open_tasks, is_behind=waits.cursor is not None), ahead(job, now, instants)
        )
        return JobStory(
            job=JobView.of(job, now),
            tasks=TaskPage.of(page.items, page.next_cursor),
            errors=ErrorPage.of(logs.items, logs.next_cursor),
            why=told,
            ahead=coming,
            versions=versions_view(job, past) if past else None,
        )

    async def _past(self, job_id: str, wanted: Paging | None) -> HistoryPage | None:
        return await self._history.page(job_id, **dict(wanted)) if wanted else None

    async def _waits(self, job: Job, page: Page[Task], *, is_behind: bool) -> WhyView:
        """What these wait for; `is_behind` says that others may be open before them."""
        now = self._clock.now()
        # Asking the scheduler takes longer than all the rest, and tells something of what is due alone.
        is_due = any(_is_due(task, now) for task in page.items)
        parked = {task.limits for task in page.items if task.parked and task.limits}
        taken = await self._tasks.taken(parked) if parked else {}
        told = why(job, page.items, await self._crew() if is_due else None, now, taken, others=is_behind)
        return told.model_copy(update={"next_cursor": page.next_cursor})


def _is_due(task: Task, now: datetime) -> bool:
    """Whether it waits for nothing but a worker."""
    return task.status is TaskState.READY and task.parked is None and task.due_at <= now
