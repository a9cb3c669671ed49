"""What a `MemoryService` keeps: jobs with their tasks, their history, and what was skipped of them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from karya.core.action import Action, NoopAction, RestAction
from karya.core.errorlog import ErrorLog
from karya.core.errors import Conflict, NotFound
from karya.core.job import LIVE_STATES, Job, JobState
from karya.core.misfire import SkipRange
from karya.core.occurrence import Occurrence, occurrence_tasks
from karya.core.spec import JobSpec, spec_model
from karya.core.task import OPEN_STATES, Task, TaskKind
from karya.core.times import floor_millis
from karya.core.transitions import Transition
from karya.core.views import ChangeView, FindingView, JobView, Readiness, SkipView
from karya.store.naming import taken


def real_now() -> datetime:
    return floor_millis(datetime.now(UTC))


class MemoryStore:
    """`failure` is raised by every call while it is set."""

    def __init__(self, now: Callable[[], datetime] = real_now) -> None:
        self.spec_type: type[JobSpec[Action]] = spec_model((NoopAction, RestAction))
        self._now = now
        self.clear()

    def clear(self) -> None:
        """Forgets everything, the failure included."""
        self.jobs: dict[str, Job] = {}
        self.stored_tasks: dict[str, list[Task]] = {}
        self.changes: dict[str, list[ChangeView]] = {}
        self.skips: dict[str, list[SkipView]] = {}
        self.logs: list[ErrorLog] = []
        self.wrong: dict[str, Sequence[FindingView]] = {}
        self.ready = Readiness(ready=True, reasons={})
        self.with_token: set[str] = set()
        self.failure: Exception | None = None

    def end(self, task_id: str, move: Transition) -> None:
        """One attempt at the task has ended so, and its job too if that was the last."""
        task = self._task(task_id)
        begun = task.model_copy(update={"attempts": task.attempts + 1, "token": task.token + 1})
        self._put(begun)
        self._move(begun, move)
        self._settle(task.job_id)

    # --- jobs -----------------------------------------------------------------------------------------

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _job(self, job_id: str) -> Job:
        self._fail()
        if job_id not in self.jobs:
            raise NotFound("job", job_id)
        return self.jobs[job_id]

    def _able(self, job_id: str, states: Collection[JobState], wish: str) -> Job:
        job = self._job(job_id)
        if job.status not in states:
            raise Conflict(f"job {job_id} is {job.status.value.lower()}: it cannot be {wish}")
        return job

    def _namesake(self, user_id: str | None, name: str | None, *states: JobState) -> Job | None:
        """The live job of this owner that has the name, or else the newest that is in one of these states."""
        named = [job for job in self.jobs.values() if name and (job.user_id, job.name) == (user_id, name)]
        live = [job for job in named if job.status in LIVE_STATES]
        return next(iter(live or [job for job in reversed(named) if job.status in states]), None)

    def _must_be_free(self, job: Job) -> None:
        namesake = self._namesake(job.user_id, job.name)
        if job.name is not None and namesake is not None and namesake.id != job.id:
            raise taken(job.name)

    def _change(self, job: Job, kind: str, spec: dict[str, Any] | None = None, **fields: Any) -> JobView:
        """Stores the job with these fields, and the entry of its history."""
        now = self._now()
        self.jobs[job.id] = changed = job.model_copy(update={"updated_at": now, **fields})
        self.changes[job.id].insert(0, ChangeView(at=now, kind=kind, version=changed.version, spec=spec))
        return JobView.of(changed, now)

    def _settle(self, job_id: str) -> Job:
        """Completes the job if nothing is left of it."""
        job, now = self.jobs[job_id], self._now()
        is_over = job.cursor.exhausted and not self._open_steps(job_id)
        if job.status is JobState.ACTIVE and is_over:
            ended = {"status": JobState.COMPLETED, "finished_at": now, "updated_at": now}
            self.jobs[job_id] = job.model_copy(update=ended)
        return self.jobs[job_id]

    def _skipped(self, job_id: str, ranges: Iterable[SkipRange]) -> None:
        told = self.skips.setdefault(job_id, [])
        for one in ranges:
            skip = SkipView(
                first=one.first, last=one.last, count=one.count, reason=one.reason, at=self._now()
            )
            told.insert(0, skip)

    # --- tasks ----------------------------------------------------------------------------------------

    def _task(self, task_id: str) -> Task:
        self._fail()
        for tasks in self.stored_tasks.values():
            for task in tasks:
                if task.id == task_id:
                    return task
        raise NotFound("task", task_id)

    def _open_steps(self, job_id: str) -> Sequence[Task]:
        steps = [task for task in self.stored_tasks[job_id] if task.kind is TaskKind.STEP]
        return [task for task in steps if task.status in OPEN_STATES]

    def _add(self, job: Job, occurrence: Occurrence, *, held: bool = False) -> list[Task]:
        """The tasks of the occurrence, stored as far as they were not."""
        there = {task.id for task in self.stored_tasks[job.id]}
        made = [task for task in occurrence_tasks(job, occurrence, self._now()) if task.id not in there]
        tasks = [task.model_copy(update={"held": held}) for task in made]
        self.stored_tasks[job.id] += tasks
        return tasks

    def _move(self, task: Task, move: Transition, **fields: Any) -> Task:
        moved = task.model_copy(update={**move.changes, "status": move.target, **fields})
        self._put(moved)
        return moved

    def _put(self, task: Task) -> None:
        tasks = self.stored_tasks[task.job_id]
        tasks[[one.id for one in tasks].index(task.id)] = task
