"""A JobService in memory: what the gateway's own tests talk to in place of the real server."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from karya.core.action import Action, NoopAction, RestAction
from karya.core.errors import Conflict, InvalidInput, NotFound
from karya.core.ids import new_id
from karya.core.job import Job, JobSpec, JobState, new_job, spec_model, warnings_of
from karya.core.task import Task, TaskState, occurrence_task
from karya.core.user import User, UserSpec
from karya.core.views import JobPage, JobView, Readiness, SummaryView, TaskPage, TaskView

T = TypeVar("T")


class MemoryService:
    """Stores jobs and never runs them. `failure` is raised by every call while it is set."""

    def __init__(self) -> None:
        self.spec_type: type[JobSpec[Action]] = spec_model((NoopAction, RestAction))
        self.clear()

    def clear(self) -> None:
        """Forgets everything, the failure included."""
        self.jobs: dict[str, Job] = {}
        self.stored_tasks: dict[str, list[Task]] = {}
        self.users: dict[str, User] = {}
        self.ready = Readiness(ready=True, reasons={})
        self.failure: Exception | None = None

    async def submit(self, spec: JobSpec[Action]) -> JobView:
        self._fail()
        now = datetime.now(UTC)
        job = new_job(spec, now)
        self.jobs[job.id] = job
        self.stored_tasks[job.id] = [occurrence_task(job, job.cursor, now)]
        return JobView.of(job, now, warnings_of(spec, now))

    async def get(self, job_id: str) -> JobView:
        return JobView.of(self._job(job_id), datetime.now(UTC))

    async def list(
        self, *, user_id: str | None, status: JobState | None, cursor: str | None, limit: int
    ) -> JobPage:
        self._fail()
        found = [
            JobView.of(job, datetime.now(UTC))
            for job in reversed(self.jobs.values())
            if user_id in (None, job.user_id) and status in (None, job.status)
        ]
        jobs, following = _page(found, cursor, limit)
        return JobPage(jobs=jobs, next_cursor=following)

    async def tasks(self, job_id: str, *, cursor: str | None, limit: int) -> TaskPage:
        tasks = self.stored_tasks[self._job(job_id).id]
        views, following = _page([TaskView.of(task) for task in reversed(tasks)], cursor, limit)
        return TaskPage(tasks=views, next_cursor=following)

    async def summary(self, job_id: str) -> SummaryView:
        job = self._job(job_id)
        tasks = self.stored_tasks[job.id]
        return SummaryView.of(job, datetime.now(UTC), {TaskState.READY: len(tasks)}, tasks, ())

    async def cancel(self, job_id: str) -> JobView:
        job = self._job(job_id)
        if job.status is JobState.COMPLETED:
            raise Conflict(f"job {job.id} is completed")
        self.jobs[job_id] = job.model_copy(update={"status": JobState.CANCELLED})
        return JobView.of(self.jobs[job_id], datetime.now(UTC))

    async def add_user(self, spec: UserSpec) -> User:
        self._fail()
        if any(user.name == spec.name for user in self.users.values()):
            raise Conflict(f"the name {spec.name!r} is taken")
        user = User(id=new_id(datetime.now(UTC)), name=spec.name, created_at=datetime.now(UTC))
        self.users[user.id] = user
        return user

    async def readiness(self) -> Readiness:
        self._fail()
        return self.ready

    async def metrics(self) -> bytes:
        self._fail()
        return b"karya_up 1\n"

    def _job(self, job_id: str) -> Job:
        self._fail()
        if job_id not in self.jobs:
            raise NotFound("job", job_id)
        return self.jobs[job_id]

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


def _page(items: Sequence[T], cursor: str | None, limit: int) -> tuple[tuple[T, ...], str | None]:
    if cursor is not None and not cursor.isdecimal():
        raise InvalidInput.at("cursor", "not a cursor that an earlier page gave")
    start = int(cursor or 0)
    end = start + limit
    return tuple(items[start:end]), str(end) if end < len(items) else None
