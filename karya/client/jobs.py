"""The operations of jobs: submit, look, steer. Their names and parameters are those of the actor handle."""

from collections.abc import AsyncGenerator, Iterable
from typing import Unpack

from karya.client.asking import PAGE, Asking
from karya.client.operation import Operation, Stream
from karya.client.request import Repeat, get, patch, post, segment
from karya.core.keywords import JobChanges, JobFilter
from karya.core.spec import Spec, wire_of
from karya.core.views import (
    CheckView,
    ErrorPage,
    ErrorView,
    JobPage,
    JobView,
    OccurrenceView,
    PreviewView,
    SummaryView,
    TaskPage,
    TaskStory,
    TaskView,
    VersionsView,
    WhyView,
)

JOBS = "/v1/jobs"


def job_path(job_id: str) -> str:
    """The path of a job."""
    return f"{JOBS}/{segment('job', job_id)}"


def _task_path(task_id: str) -> str:
    return f"/v1/tasks/{segment('task', task_id)}"


class JobCalls(Asking):
    """What is asked about one job, and to find it."""

    @Operation
    async def submit(self, spec: Spec, *, key: str | None = None) -> JobView:
        """Stores a job; when this returns, the job is durable. Raises InvalidInput, which names the field.

        With a `key`, a text of your own, it may be called again after an error, within a day: it is one job.
        """
        asked = post(JOBS, Repeat.KEYED, wire_of(spec), key=self._key(key))
        return await self._view(asked, JobView)

    @Operation
    async def get(self, job_id: str) -> JobView:
        """One job. Raises NotFound."""
        return await self._view(get(job_path(job_id)), JobView)

    @Operation
    async def list(
        self, *, cursor: str | None = None, limit: int = 20, **query: Unpack[JobFilter]
    ) -> JobPage:
        """A page of jobs, the newest first. Raises InvalidInput, which names the keyword."""
        return await self._view(get(JOBS, cursor=cursor, limit=limit, **query), JobPage)

    @Stream
    async def jobs(self, **query: Unpack[JobFilter]) -> AsyncGenerator[JobView, None]:
        """All jobs that match, the newest first; pages are asked for as needed. Raises as `list`."""
        async for page in self._pages(JobPage, JOBS, limit=PAGE, **query):
            for job in page.jobs:
                yield job

    @Operation
    async def tasks(self, job_id: str, *, cursor: str | None = None, limit: int = 20) -> TaskPage:
        """A page of the tasks of a job, the latest instant first. Raises NotFound."""
        return await self._view(get(f"{job_path(job_id)}/tasks", cursor=cursor, limit=limit), TaskPage)

    @Stream
    async def job_tasks(self, job_id: str) -> AsyncGenerator[TaskView, None]:
        """All tasks of a job, the latest instant first. Raises NotFound."""
        async for page in self._pages(TaskPage, f"{job_path(job_id)}/tasks", limit=PAGE):
            for task in page.tasks:
                yield task

    @Operation
    async def summary(self, job_id: str) -> SummaryView:
        """A job with its latest tasks, counts and errors. Raises NotFound."""
        return await self._view(get(f"{job_path(job_id)}/summary"), SummaryView)

    @Operation
    async def why(self, job_id: str, *, cursor: str | None = None, limit: int = 20) -> WhyView:
        """What each open task of a job waits for: a page, the earliest instant first. Raises NotFound."""
        return await self._view(get(f"{job_path(job_id)}/why", cursor=cursor, limit=limit), WhyView)

    @Stream
    async def why_pages(self, job_id: str) -> AsyncGenerator[WhyView, None]:
        """All of the same, page by page. Raises NotFound."""
        async for page in self._pages(WhyView, f"{job_path(job_id)}/why", limit=PAGE):
            yield page

    @Operation
    async def errors(self, job_id: str, *, cursor: str | None = None, limit: int = 20) -> ErrorPage:
        """A page of the failed attempts at the tasks of a job, the latest first. Raises NotFound."""
        return await self._view(get(f"{job_path(job_id)}/errors", cursor=cursor, limit=limit), ErrorPage)

    @Stream
    async def job_errors(self, job_id: str) -> AsyncGenerator[ErrorView, None]:
        """All failed attempts at the tasks of a job, the latest first. Raises NotFound."""
        async for page in self._pages(ErrorPage, f"{job_path(job_id)}/errors", limit=PAGE):
            for error in page.errors:
                yield error

    @Operation
    async def occurrences(self, job_id: str, limit: int = 10) -> PreviewView:
        """The next instants of a job. Raises NotFound."""
        return await self._view(get(f"{job_path(job_id)}/occurrences", limit=limit), PreviewView)

    @Operation
    async def preview(self, spec: Spec, limit: int = 10) -> PreviewView:
        """The first instants of a job that is not stored. Raises InvalidInput, which names the field."""
        asked = post(f"{JOBS}/preview", Repeat.ALWAYS, wire_of(spec), limit=limit)
        return await self._view(asked, PreviewView)

    @Operation
    async def check(self, specs: Iterable[Spec]) -> CheckView:
        """What submitting each of these would come to: all of its errors, or the job as it would be stored,
        and which stored one has its name."""
        asked = post(f"{JOBS}/check", Repeat.ALWAYS, [wire_of(spec) for spec in specs])
        return await self._view(asked, CheckView)

    @Operation
    async def versions(self, job_id: str, *, cursor: str | None = None, limit: int = 20) -> VersionsView:
        """A page of what was changed, paused, resumed and skipped of a job, the latest first. Raises
        NotFound."""
        path = f"{job_path(job_id)}/versions"
        return await self._view(get(path, cursor=cursor, limit=limit), VersionsView)

    @Stream
    async def version_pages(self, job_id: str) -> AsyncGenerator[VersionsView, None]:
        """All of the same, page by page. Raises NotFound."""
        async for page in self._pages(VersionsView, f"{job_path(job_id)}/versions", limit=PAGE):
            yield page

    @Operation
    async def task(self, task_id: str, *, cursor: str | None = None, limit: int = 20) -> TaskStory:
        """A task with a page of its failed attempts, the latest first. Raises NotFound."""
        return await self._view(get(_task_path(task_id), cursor=cursor, limit=limit), TaskStory)

    @Stream
    async def task_pages(self, task_id: str) -> AsyncGenerator[TaskStory, None]:
        """The same with all failed attempts, page by page. Raises NotFound."""
        async for page in self._pages(TaskStory, _task_path(task_id), limit=PAGE):
            yield page

    # --- steering -------------------------------------------------------------------------------------

    @Operation
    async def cancel(self, job_id: str, *, version: int | None = None) -> JobView:
        """Cancels a job; when this returns, no further attempt of it starts. Raises NotFound, Conflict, and
        Outdated unless the job is at this `version`."""
        asked = post(f"{job_path(job_id)}/cancel", Repeat.ALWAYS, version=version)
        return await self._view(asked, JobView)

    @Operation
    async def pause(self, job_id: str) -> JobView:
        """Pauses a job; when this returns, nothing of it starts until it is resumed. Raises as `cancel`."""
        return await self._view(post(f"{job_path(job_id)}/pause", Repeat.ALWAYS), JobView)

    @Operation
    async def resume(self, job_id: str) -> JobView:
        """Resumes a paused job. Raises as `cancel`."""
        return await self._view(post(f"{job_path(job_id)}/resume", Repeat.ALWAYS), JobView)

    @Operation
    async def trigger(self, job_id: str, *, key: str | None = None) -> OccurrenceView:
        """Runs one occurrence now; with the same `key` it is the same one. Raises NotFound, and Conflict for
        a job that is paused or has ended."""
        asked = post(f"{job_path(job_id)}/trigger", Repeat.KEYED, key=self._key(key))
        return await self._view(asked, OccurrenceView)

    @Operation
    async def skip_next(self, job_id: str) -> OccurrenceView:
        """Skips the next occurrence. Raises NotFound, and Conflict when there is none."""
        return await self._view(post(f"{job_path(job_id)}/skip-next", Repeat.NEVER), OccurrenceView)

    @Operation
    async def update(
        self, job_id: str, *, version: int | None = None, **changes: Unpack[JobChanges]
    ) -> JobView:
        """Changes a job: the fields that are given replace its own. Raises as `cancel`, and InvalidInput."""
        return await self._view(patch(job_path(job_id), changes, version=version), JobView)
