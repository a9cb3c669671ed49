"""What clients do to the jobs of a `MemoryService`: `karya.core` plans it, here it is written."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from pydantic import ValidationError

from karya.actors.server.submissions import minting
from karya.core.action import Action
from karya.core.errors import Conflict
from karya.core.fields import invalid
from karya.core.ids import new_id
from karya.core.job import LIVE_STATES, Job, JobState
from karya.core.occurrence import VERSION_TOKENS, Occurrence, scheduled, triggered
from karya.core.remaking import REPLACED_REASON, Arrears, Remake, Waiting, arrears, remake
from karya.core.resuming import PAUSED_REASON, resumption
from karya.core.revision import check_version, merged, revised
from karya.core.schedule import Once
from karya.core.spec import JobSpec
from karya.core.task import Task, TaskState
from karya.core.transitions import SKIPPED_ON_REQUEST, cancel, skip
from karya.core.views import JobView, OccurrenceView
from tests.support.memory_lists import occurrence_view
from tests.support.memory_store import MemoryStore

_UNSTARTED = frozenset({TaskState.BLOCKED, TaskState.READY})


class MemorySteering(MemoryStore):
    """No job here has submitted another, and no hook fires."""

    async def cancel(self, job_id: str, *, version: int | None = None) -> JobView:
        job, now = self._job(job_id), self._now()
        check_version(job, version)
        if job.status is JobState.COMPLETED:
            raise Conflict(f"job {job.id} is completed: there is nothing left to cancel")
        if job.status is JobState.CANCELLED:
            return JobView.of(job, now)
        for task in self._open_steps(job_id):
            if task.status is TaskState.RUNNING:
                self._put(task.model_copy(update={"cancel_requested": True}))
            else:
                self._move(task, cancel("the job was cancelled", now))
        return self._change(job, "cancelled", status=JobState.CANCELLED, finished_at=now)

    async def pause(self, job_id: str) -> JobView:
        job, now = self._able(job_id, LIVE_STATES, "paused"), self._now()
        if job.status is JobState.PAUSED:
            return JobView.of(job, now)
        for task in self._open_steps(job_id):
            self._put(task.model_copy(update={"held": True}))
        return self._change(job, "paused", status=JobState.PAUSED, paused_at=now)

    async def resume(self, job_id: str) -> JobView:
        job, now = self._able(job_id, LIVE_STATES, "resumed"), self._now()
        if job.status is JobState.ACTIVE:
            return JobView.of(job, now)
        self._skip_passed(job)
        plan = resumption(job, now)
        self._skipped(job_id, plan.skips)
        for cursor in plan.made:
            self._add(job, scheduled(job, cursor))
        for task in self._open_steps(job_id):
            due = {"due_at": max(task.due_at, now)} if task.status is TaskState.READY else {}
            self._put(task.model_copy(update={"held": False, **due}))
        self._change(job, "resumed", status=JobState.ACTIVE, paused_at=None, cursor=plan.cursor)
        return JobView.of(self._settle(job_id), now)

    async def trigger(self, job_id: str, *, key: str | None = None) -> OccurrenceView:
        now = self._now()
        request = key or new_id(now)
        minting(request)
        occurrence = triggered(request, now)
        self._job(job_id)
        if made := [task for task in self.stored_tasks[job_id] if task.cause == occurrence.cause]:
            return occurrence_view(made)
        job = self._able(job_id, {JobState.ACTIVE}, "triggered")
        tasks = self._add(job, occurrence)
        self._change(job, "triggered")
        return occurrence_view(tasks)

    async def skip_next(self, job_id: str) -> OccurrenceView:
        job = self._able(job_id, LIVE_STATES, "told to skip an occurrence")
        one = next(iter(self._untouched(job)), None)
        if one is None:
            raise Conflict(f"job {job_id} has no occurrence that has not begun: there is none to skip")
        skipped = self._skip(job_id, one.cause, SKIPPED_ON_REQUEST)
        coming = tuple(at for at in (*job.skipped, one.instant) if at > self._now())
        cursor = job.next_cursor(job.cursor.at, job.cursor.count) if one.instant == job.cursor.at else None
        if cursor is not None:
            self._add(job, scheduled(job, cursor), held=job.status is JobState.PAUSED)
        self._change(job, "skipped_next", skipped=coming, cursor=cursor or job.cursor)
        self._settle(job_id)
        return occurrence_view(skipped)

    async def update(self, job_id: str, changes: Mapping[str, Any], *, version: int | None = None) -> JobView:
        old, now = self._able(job_id, LIVE_STATES, "changed"), self._now()
        check_version(old, version)
        new = revised(old, self._checked_spec(merged(old, changes)), now)
        self._must_be_free(new)
        waiting = self._untouched(old)
        taken = self._taken(old, new, {one.cause for one in waiting})
        is_other = new.schedule != old.schedule
        behind = arrears(old, taken, now) if is_other else Arrears(old.cursor)
        plan = remake(old, new, waiting, taken, now, behind)
        self._remake(new, waiting, plan)
        self._change(new, "updated", dict(new.spec()), cursor=plan.cursor)
        return JobView.of(self._settle(job_id), now)

    def _checked_spec(self, wire: Mapping[str, Any]) -> JobSpec[Action]:
        try:
            return self.spec_type.model_validate(wire)
        except ValidationError as error:
            raise invalid(error, wire, self.spec_type) from None

    def _remake(self, new: Job, waiting: Sequence[Waiting], plan: Remake) -> None:
        for cause in plan.passed:
            self._skip(new.id, cause, REPLACED_REASON)
        asked = [one.cause for one in self._untouched(new, triggered=True)]
        gone = {one.cause for one in waiting}.union(asked) - plan.passed
        instants = {task.cause: task.instant for task in self.stored_tasks[new.id]}
        self.stored_tasks[new.id] = [task for task in self.stored_tasks[new.id] if task.cause not in gone]
        again = [Occurrence(cause, instants[cause], self._now()) for cause in asked]
        for occurrence in (*plan.occurrences, *again):
            self._add(new, occurrence, held=new.status is JobState.PAUSED)
        self._skipped(new.id, plan.skips)

    def _taken(self, old: Job, new: Job, untouched: set[str]) -> frozenset[datetime]:
        """The instants to come, and that of a new one-off schedule, that have tasks which stay."""
        since = min(self._now(), old.cursor.at)
        once = new.anchor if isinstance(new.schedule, Once) else None
        stay = [task for task in self.stored_tasks[old.id] if task.count and task.cause not in untouched]
        return frozenset(task.instant for task in stay if task.instant > since or task.instant == once)

    def _untouched(self, job: Job, *, triggered: bool = False) -> Sequence[Waiting]:
        """Its scheduled (or else triggered) occurrences none of whose steps has begun, the earliest first."""
        steps = [task for task in self.stored_tasks[job.id] if bool(task.count) is not triggered]
        steps.sort(key=lambda task: (task.instant, task.count, task.cause))
        causes = [list(tasks) for _, tasks in groupby(steps, key=lambda task: task.cause)]
        waiting = [tasks[0] for tasks in causes if all(map(_is_untouched, tasks))]
        return [Waiting(task.cause, task.instant, task.count) for task in waiting]

    def _skip_passed(self, job: Job) -> None:
        """Skips the occurrences whose instant passed during the pause."""
        if isinstance(job.schedule, Once) or job.paused_at is None:
            return
        for one in self._untouched(job):
            if job.paused_at <= one.instant <= self._now():
                self._skip(job.id, one.cause, PAUSED_REASON)

    def _skip(self, job_id: str, cause: str, reason: str) -> Sequence[Task]:
        steps = [task for task in self.stored_tasks[job_id] if task.cause == cause]
        return [self._move(task, skip(reason, self._now())) for task in steps]


def _is_untouched(task: Task) -> bool:
    return task.status in _UNSTARTED and not task.attempts and task.token % VERSION_TOKENS == 0
