"""What clients ask for: the JobService port, as one plain class."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from karya.actors.metrics import Figures, ServerMetrics, exposition
from karya.core.action import Action
from karya.core.coalesce import Coalescer
from karya.core.errors import InvalidInput, NotFound
from karya.core.ids import new_id
from karya.core.job import Job, JobSpec, JobState, new_job, warnings_of
from karya.core.ports import (
    Clock,
    ErrorLogRepository,
    JobRepository,
    Submission,
    TaskRepository,
    UserRepository,
)
from karya.core.task import occurrence_task
from karya.core.times import floor_millis
from karya.core.user import User, UserSpec
from karya.core.views import JobPage, JobView, Readiness, SummaryView, TaskPage, TaskView

log = structlog.get_logger("karya.server")

Probe = Callable[[], Awaitable[str | None]]
"""Asks one part whether it answers; the reason why not, or None."""

_PROBE_SECONDS = 2.0
_MOST_TOGETHER = 500
_HEAVIEST_BYTES = 16 * 1024 * 1024
"""How much of what users wrote goes into one transaction: it has to fit into the database's cache."""
_SUMMARY_ITEMS = 20


class Server:
    """Implements `JobService`. Submissions that arrive together are stored in one transaction."""

    def __init__(
        self,
        spec_type: type[JobSpec[Action]],
        jobs: JobRepository,
        tasks: TaskRepository,
        error_logs: ErrorLogRepository,
        users: UserRepository,
        clock: Clock,
        metrics: ServerMetrics,
        poke: Callable[[datetime], None],
        probes: Mapping[str, Probe],
        gather: Callable[[], Awaitable[Iterable[Figures]]],
    ) -> None:
        self.spec_type = spec_type
        self._jobs = jobs
        self._tasks = tasks
        self._error_logs = error_logs
        self._users = users
        self._clock = clock
        self._metrics = metrics
        self._poke = poke
        self._probes = probes
        self._gather = gather
        self._submissions: Coalescer[Submission, None] = Coalescer(
            self._store, _MOST_TOGETHER, weigh=_weight, heaviest=_HEAVIEST_BYTES
        )

    async def submit(self, spec: JobSpec[Action]) -> JobView:
        """See `JobService.submit`."""
        if spec.user_id is not None and await self._users.get(spec.user_id) is None:
            raise InvalidInput.at(
                "user_id", f"there is no user {spec.user_id!r}: make one with POST /v1/users"
            )
        now = floor_millis(self._clock.now())
        job = new_job(spec, now)
        first = occurrence_task(job, job.cursor, now)
        with self._metrics.submit_seconds.time():
            await self._submissions.add(Submission(job, (first,)))
        self._poke(first.due_at)
        return JobView.of(job, now, warnings_of(spec, now))

    async def _store(self, submissions: Sequence[Submission]) -> Sequence[None]:
        await self._jobs.submit(submissions)
        self._metrics.submitted.inc(len(submissions))
        return [None] * len(submissions)

    async def get(self, job_id: str) -> JobView:
        """See `JobService.get`."""
        return JobView.of(await self._existing(job_id), self._clock.now())

    async def list(
        self, *, user_id: str | None, status: JobState | None, cursor: str | None, limit: int
    ) -> JobPage:
        """See `JobService.list`."""
        page = await self._jobs.list(user_id=user_id, status=status, cursor=cursor, limit=limit)
        now = self._clock.now()
        return JobPage(jobs=tuple(JobView.of(job, now) for job in page.items), next_cursor=page.next_cursor)

    async def tasks(self, job_id: str, *, cursor: str | None, limit: int) -> TaskPage:
        """See `JobService.tasks`."""
        await self._existing(job_id)
        page = await self._tasks.of_job(job_id, cursor=cursor, limit=limit)
        return TaskPage(tasks=tuple(TaskView.of(task) for task in page.items), next_cursor=page.next_cursor)

    async def summary(self, job_id: str) -> SummaryView:
        """See `JobService.summary`."""
        job = await self._existing(job_id)
        counts, tasks, errors = await asyncio.gather(
            self._tasks.counts(job_id),
            self._tasks.of_job(job_id, cursor=None, limit=_SUMMARY_ITEMS),
            self._error_logs.of_job(job_id, _SUMMARY_ITEMS),
        )
        return SummaryView.of(job, self._clock.now(), counts, tasks.items, errors)

    async def cancel(self, job_id: str) -> JobView:
        """See `JobService.cancel`. The job is written first, then its tasks."""
        now = floor_millis(self._clock.now())
        job = await self._jobs.cancel(job_id, now)
        if job is None:
            raise NotFound("job", job_id)
        may_start_until = await self._tasks.cancel_of_job(job_id, now)
        if may_start_until is not None:
            await self._wait_until(may_start_until)
        if job.finished_at == now:
            self._metrics.cancelled.inc()
        return JobView.of(job, now)

    async def _wait_until(self, instant: datetime) -> None:
        """A task that was claimed a moment ago may start until then; afterwards its worker asks first."""
        wait = instant - self._clock.now()
        if wait > timedelta(0):
            await asyncio.sleep(wait.total_seconds())

    async def add_user(self, spec: UserSpec) -> User:
        """See `JobService.add_user`."""
        now = floor_millis(self._clock.now())
        user = User(id=new_id(now), name=spec.name, created_at=now)
        await self._users.add(user)
        return user

    async def readiness(self) -> Readiness:
        """See `JobService.readiness`. All parts are asked at once."""
        answers = await asyncio.gather(*(_ask(probe) for probe in self._probes.values()))
        reasons = {part: reason for part, reason in zip(self._probes, answers, strict=True) if reason}
        return Readiness(ready=not reasons, reasons=reasons)

    async def metrics(self) -> bytes:
        """See `JobService.metrics`."""
        return exposition(await self._gather())

    async def _existing(self, job_id: str) -> Job:
        job = await self._jobs.get(job_id)
        if job is None:
            raise NotFound("job", job_id)
        return job


def _weight(submission: Submission) -> int:
    """The bytes of text that the submission stores, in the job and again in its tasks."""
    job = submission.job
    actions = (job.action, *(hook.action for hook in job.hooks))
    return (1 + len(submission.tasks)) * sum(len(text) for text in actions)


async def _ask(probe: Probe) -> str | None:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            return await probe()
    except TimeoutError:
        return f"no answer within {_PROBE_SECONDS:g} s"
    except Exception as error:
        log.debug("probe_failed", error=repr(error))
        return str(error) or repr(error)
