"""How a job stands, in the words of a person who asks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from karya.actors.server.past import versions_view
from karya.actors.server.reading import MOST_DEAD, ahead
from karya.core.errors import existing
from karya.core.job import Job
from karya.core.ports import Clock, JobRepository, Page, TaskRepository
from karya.core.ports.looks import Extent, Looks
from karya.core.queries import Paging
from karya.core.task import OPEN_STATES, Task
from karya.core.views import ErrorPage, JobStory, JobView, TaskPage, TaskStanding, TaskStory, WhyView
from karya.core.views.overview import AtLeast
from karya.core.why import Crew, Taken, asks_for_crew, limits_of, wait_of, why


class Telling:
    """Changes nothing."""

    def __init__(
        self,
        jobs: JobRepository,
        tasks: TaskRepository,
        looks: Looks,
        clock: Clock,
        crew: Callable[[], Awaitable[Crew]],
    ) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._looks = looks
        self._clock = clock
        self._crew = crew

    async def why(self, job_id: str, *, cursor: str | None, limit: int) -> WhyView:
        """See `JobService.why`."""
        job, open_tasks = await asyncio.gather(
            self._jobs.get(job_id), self._tasks.open_of_job(job_id, cursor=cursor, limit=limit)
        )
        parked = limits_of(open_tasks.items)
        taken = await self._tasks.taken(parked) if parked else {}
        is_behind = cursor is not None
        return await self._waits(existing(job, "job", job_id), open_tasks, taken, is_behind=is_behind)

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
        extent = Extent(tasks, waits, errors, history, MOST_DEAD)
        look = existing(await self._looks.at_job(job_id, extent), "job", job_id)
        job, now = look.job, self._clock.now()
        is_behind = waits.cursor is not None
        return JobStory(
            job=JobView.of(job, now),
            tasks=TaskPage.of(look.tasks.items, look.tasks.next_cursor),
            errors=ErrorPage.of(look.errors.items, look.errors.next_cursor),
            dead=AtLeast.of(look.dead, MOST_DEAD),
            why=await self._waits(job, look.open_tasks, look.taken, is_behind=is_behind),
            ahead=await ahead(job, now, instants),
            versions=versions_view(job, look.past) if look.past else None,
        )

    async def standing(self, task_id: str, *, errors: Paging) -> TaskStanding:
        """See `JobService.standing`."""
        look = existing(await self._looks.at_task(task_id, errors), "task", task_id)
        task, job, now = look.task, existing(look.job, "task", task_id), self._clock.now()
        crew = await self._crew_for([task], now)
        wait = wait_of(job, task, crew, now, look.taken) if task.status in OPEN_STATES else None
        story = TaskStory.of(task, look.errors.items, look.errors.next_cursor)
        return TaskStanding(story=story, job=JobView.of(job, now), wait=wait)

    async def _waits(self, job: Job, page: Page[Task], taken: Taken, *, is_behind: bool) -> WhyView:
        """What these wait for; `is_behind` says that others may be open before them."""
        now = self._clock.now()
        crew = await self._crew_for(page.items, now)
        told = why(job, page.items, crew, now, taken, others=is_behind)
        return told.model_copy(update={"next_cursor": page.next_cursor})

    async def _crew_for(self, tasks: Sequence[Task], now: datetime) -> Crew:
        """Asking the scheduler takes longer than all the rest, and tells something of what is due alone."""
        return await self._crew() if asks_for_crew(tasks, now) else None
