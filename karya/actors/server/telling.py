"""How a job stands, in the words of a person who asks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from karya.actors.letters import MOST_FAILED, story_of
from karya.actors.server.past import versions_view
from karya.actors.server.reading import MOST_DEAD, ahead
from karya.core.errors import existing
from karya.core.job import Job
from karya.core.ports import Clock, JobRepository, TaskRepository
from karya.core.ports.looks import Extent, Looks
from karya.core.task import OPEN_STATES, Task
from karya.core.views import ErrorView, JobStory, JobView, TaskPage, TaskStanding, WhyView
from karya.core.views.overview import AtLeast
from karya.core.why import Crew, Taken, asks_for_crew, limits_of, wait_of, why

_MOST_OPEN = 200
_MOST_ERRORS = 20


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

    async def why(self, job_id: str) -> WhyView:
        """See `JobService.why`."""
        job, open_tasks = await asyncio.gather(
            self._jobs.get(job_id), self._tasks.open_of_job(job_id, _MOST_OPEN + 1)
        )
        parked = limits_of(open_tasks)
        taken = await self._tasks.taken(parked) if parked else {}
        return await self._waits(existing(job, "job", job_id), open_tasks, taken)

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
        extent = Extent(limit, _MOST_OPEN + 1, _MOST_ERRORS, MOST_DEAD, entries, cursor, history)
        look = existing(await self._looks.at_job(job_id, extent), "job", job_id)
        job, now = look.job, self._clock.now()
        return JobStory(
            job=JobView.of(job, now),
            tasks=TaskPage.of(look.tasks.items, look.tasks.next_cursor),
            errors=tuple(map(ErrorView.of, look.errors)),
            dead=AtLeast.of(look.dead, MOST_DEAD),
            why=await self._waits(job, look.open_tasks, look.taken),
            ahead=await ahead(job, now, instants),
            versions=versions_view(job, look.past) if look.past else None,
        )

    async def standing(self, task_id: str) -> TaskStanding:
        """See `JobService.standing`."""
        look = existing(await self._looks.at_task(task_id, MOST_FAILED + 1), "task", task_id)
        task, job, now = look.task, existing(look.job, "task", task_id), self._clock.now()
        crew = await self._crew_for([task], now)
        wait = wait_of(job, task, crew, now, look.taken) if task.status in OPEN_STATES else None
        return TaskStanding(story=story_of(task, look.errors), job=JobView.of(job, now), wait=wait)

    async def _waits(self, job: Job, open_tasks: Sequence[Task], taken: Taken) -> WhyView:
        now = self._clock.now()
        told = why(job, open_tasks[:_MOST_OPEN], await self._crew_for(open_tasks, now), now, taken)
        return told.model_copy(update={"more": len(open_tasks) > _MOST_OPEN})

    async def _crew_for(self, tasks: Sequence[Task], now: datetime) -> Crew:
        """Asking the scheduler takes longer than all the rest, and tells something of what is due alone."""
        return await self._crew() if asks_for_crew(tasks, now) else None
