"""A JobService in memory: what the gateway's own tests talk to in place of the real server."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pydantic import ValidationError

from karya.core.action import Action, NoopAction, RestAction, type_of
from karya.core.chaining import action_types_in
from karya.core.errorlog import ErrorLog
from karya.core.errors import Conflict, NotFound
from karya.core.fields import invalid
from karya.core.ids import minted_at, new_id, numbered_id
from karya.core.job import LIVE_STATES, Job, JobState, new_job, normal_form, warnings_of
from karya.core.occurrence import Occurrence, occurrence_tasks, scheduled, triggered
from karya.core.ports import Page
from karya.core.queries import AuditQuery, JobQuery, LetterQuery, Paging
from karya.core.revision import check_version, merged, revised
from karya.core.spec import JobSpec, spec_model
from karya.core.task import OPEN_STATES, Task, TaskState
from karya.core.times import floor_millis
from karya.core.transitions import discard, redrive, skip
from karya.core.views import (
    AuditPage,
    BulkView,
    ChangeView,
    CheckedView,
    CheckView,
    Counts,
    ErrorPage,
    FindingView,
    JobPage,
    JobStory,
    JobView,
    OccurrenceView,
    PreviewView,
    Readiness,
    SummaryView,
    TaskPage,
    TaskStanding,
    TaskStory,
    VersionsView,
    WhyView,
)
from karya.core.views.lines import JobLine, LetterGroup, LetterGroups, LetterLine
from karya.core.views.overview import AtLeast
from karya.core.why import wait_of, why
from tests.support.memory_lists import finds, finds_letter, numbered, occurrence_view, page_of


def now() -> datetime:
    return floor_millis(datetime.now(UTC))


class MemoryService:
    """Stores jobs and never runs them. `failure` is raised by every call while it is set."""

    def __init__(self) -> None:
        self.spec_type: type[JobSpec[Action]] = spec_model((NoopAction, RestAction))
        self.clear()

    def clear(self) -> None:
        """Forgets everything, the failure included."""
        self.jobs: dict[str, Job] = {}
        self.stored_tasks: dict[str, list[Task]] = {}
        self.changes: dict[str, list[ChangeView]] = {}
        self.logs: list[ErrorLog] = []
        self.wrong: dict[str, Sequence[FindingView]] = {}
        self.ready = Readiness(ready=True, reasons={})
        self.with_token: set[str] = set()
        self.failure: Exception | None = None

    # --- taking in ------------------------------------------------------------------------------------

    async def submit(self, spec: JobSpec[Action], *, key: str | None = None) -> JobView:
        self._fail()
        ident = key or new_id(now())
        job = self.jobs.get(ident) or self._store(new_job(spec, minted_at(ident), ident=ident))
        return JobView.of(job, now(), warnings_of(spec, job.created_at))

    async def submit_many(self, specs: Sequence[JobSpec[Action]], *, key: str | None = None) -> Sequence[str]:
        self._fail()
        whole = key or new_id(now())
        ids = [numbered_id(whole, number) for number in range(len(specs))]
        made = [numbered(n, spec, minted_at(whole), ids[n]) for n, spec in enumerate(specs)]
        return [(self.jobs.get(job.id) or self._store(job)).id for job in made]

    def _store(self, job: Job) -> Job:
        self.jobs[job.id] = job
        self.stored_tasks[job.id] = []
        self._add(job, scheduled(job, job.cursor))
        self._note(job, "submitted", dict(job.spec()))
        return job

    def _add(self, job: Job, occurrence: Occurrence) -> list[Task]:
        tasks = list(occurrence_tasks(job, occurrence, now()))
        self.stored_tasks[job.id] += tasks
        return tasks

    def _note(self, job: Job, kind: str, spec: dict[str, Any] | None = None) -> None:
        entry = ChangeView(at=now(), kind=kind, version=job.version, spec=spec)
        self.changes.setdefault(job.id, []).insert(0, entry)

    # --- reading --------------------------------------------------------------------------------------

    async def get(self, job_id: str) -> JobView:
        return JobView.of(self._job(job_id), now())

    async def list(self, query: JobQuery, *, cursor: str | None, limit: int) -> JobPage:
        self._fail()
        found = [JobView.of(job, now()) for job in reversed(self.jobs.values()) if finds(query, job)]
        jobs, following = page_of(found, cursor, limit)
        return JobPage(jobs=jobs, next_cursor=following)

    async def job_lines(self, query: JobQuery, *, cursor: str | None, limit: int) -> Page[JobLine]:
        page = await self.list(query, cursor=cursor, limit=limit)
        return Page(tuple(JobLine(job, self._dead_of(job.id)) for job in page.jobs), page.next_cursor)

    async def tasks(self, job_id: str, *, cursor: str | None, limit: int) -> TaskPage:
        tasks = self.stored_tasks[self._job(job_id).id]
        return TaskPage.of(*page_of(list(reversed(tasks)), cursor, limit))

    async def errors(self, job_id: str, *, cursor: str | None, limit: int) -> ErrorPage:
        job = self._job(job_id)
        logs = [log for log in self.logs if log.job_id == job.id]
        return ErrorPage.of(*page_of(logs, cursor, limit))

    async def task(self, task_id: str, *, cursor: str | None = None, limit: int = 20) -> TaskStory:
        logs = [log for log in self.logs if log.task_id == task_id]
        return TaskStory.of(self._task(task_id), *page_of(logs, cursor, limit))

    async def standing(self, task_id: str, *, errors: Paging) -> TaskStanding:
        task = self._task(task_id)
        job = self._job(task.job_id)
        wait = wait_of(job, task, (), now()) if task.status in OPEN_STATES else None
        story = await self.task(task_id, **dict(errors))
        return TaskStanding(story=story, job=JobView.of(job, now()), wait=wait)

    async def summary(self, job_id: str) -> SummaryView:
        job = self._job(job_id)
        tasks = self.stored_tasks[job.id]
        return SummaryView.of(job, now(), {TaskState.READY: len(tasks)}, tasks, ())

    async def why(self, job_id: str, *, cursor: str | None, limit: int) -> WhyView:
        job = self._job(job_id)
        tasks = [task for task in self.stored_tasks[job_id] if task.status in OPEN_STATES]
        found, following = page_of(tasks, cursor, limit)
        return why(job, found, (), now()).model_copy(update={"next_cursor": following})

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
        return JobStory(
            job=await self.get(job_id),
            tasks=await self.tasks(job_id, **dict(tasks)),
            why=await self.why(job_id, **dict(waits)),
            errors=await self.errors(job_id, **dict(errors)),
            dead=self._dead_of(job_id),
            ahead=await self.occurrences(job_id, instants),
            versions=await self.versions(job_id, **dict(history)) if history else None,
        )

    async def versions(self, job_id: str, *, cursor: str | None, limit: int) -> VersionsView:
        changes, following = page_of(self.changes[self._job(job_id).id], cursor, limit)
        return VersionsView(changes=changes, skipped=(), next_cursor=following)

    async def occurrences(self, job_id: str, limit: int) -> PreviewView:
        job = self._job(job_id)
        instants = tuple(islice(job.ahead(now()), limit))
        return PreviewView(instants=instants, due_at=instants)

    async def preview(self, spec: JobSpec[Action], limit: int) -> PreviewView:
        self._fail()
        instants = tuple(spec.schedule.preview(now(), limit))
        return PreviewView(instants=instants, due_at=instants)

    # --- steering -------------------------------------------------------------------------------------

    async def check(self, written: Sequence[Mapping[str, Any]]) -> CheckView:
        self._fail()
        return CheckView(jobs=tuple(map(self._checked, written)))

    def _checked(self, written: Mapping[str, Any]) -> CheckedView:
        try:
            form = normal_form(self.spec_type.model_validate(written), now())
        except ValidationError as error:
            errors = [{"field": e.field, "message": e.message} for e in invalid(error, written).errors]
            return CheckedView(errors=tuple(errors), spec=None, over=False, namesake=None)
        return CheckedView(errors=(), spec=dict(form), over=False, namesake=None)

    async def cancel(self, job_id: str, *, version: int | None = None) -> JobView:
        job = self._job(job_id)
        check_version(job, version)
        if job.status is JobState.COMPLETED:
            raise Conflict(f"job {job.id} is completed")
        return self._move(job, "cancelled", status=JobState.CANCELLED)

    async def pause(self, job_id: str) -> JobView:
        return self._move(self._live(job_id), "paused", status=JobState.PAUSED, paused_at=now())

    async def resume(self, job_id: str) -> JobView:
        return self._move(self._live(job_id), "resumed", status=JobState.ACTIVE, paused_at=None)

    async def trigger(self, job_id: str, *, key: str | None = None) -> OccurrenceView:
        job = self._live(job_id)
        if job.status is not JobState.ACTIVE:
            raise Conflict(f"job {job_id} is {job.status.value.lower()}")
        occurrence = triggered(key or new_id(now()), now())
        made = [task for task in self.stored_tasks[job_id] if task.cause == occurrence.cause]
        return occurrence_view(made or self._add(job, occurrence))

    async def skip_next(self, job_id: str) -> OccurrenceView:
        job = self._live(job_id)
        tasks = self.stored_tasks[job_id]
        following = job.next_cursor(job.cursor.at, job.cursor.count)
        skipped = [number for number, task in enumerate(tasks) if task.status in OPEN_STATES and task.count]
        if not skipped:
            raise Conflict(f"job {job_id} has no occurrence that has not begun")
        change = skip("skipped on request", now())
        for number in skipped:
            tasks[number] = tasks[number].model_copy(update={**change.changes, "status": change.target})
        if following is not None:
            self.jobs[job_id] = job.model_copy(update={"cursor": following})
            self._add(job, scheduled(job, following))
        return occurrence_view([tasks[number] for number in skipped])

    async def update(self, job_id: str, changes: Mapping[str, Any], *, version: int | None = None) -> JobView:
        check_version(self._live(job_id), version)
        wire = merged(self._live(job_id), changes)
        try:
            new = revised(self.jobs[job_id], self.spec_type.model_validate(wire), now())
        except ValidationError as error:
            raise invalid(error, wire) from None
        self.jobs[job_id] = new
        self._note(new, "updated", dict(new.spec()))
        return JobView.of(new, now())

    def _move(self, job: Job, kind: str, **changes: Any) -> JobView:
        self.jobs[job.id] = job.model_copy(update=changes)
        self._note(job, kind)
        return JobView.of(self.jobs[job.id], now())

    # --- dead letters ---------------------------------------------------------------------------------

    async def dead_letters(self, query: LetterQuery, *, cursor: str | None, limit: int) -> TaskPage:
        self._fail()
        return TaskPage.of(*page_of(list(self._dead(query)), cursor, limit))

    async def letter_lines(self, query: LetterQuery, *, cursor: str | None, limit: int) -> Page[LetterLine]:
        self._fail()
        tasks, following = page_of(list(self._dead(query)), cursor, limit)
        return Page(tuple(map(self._line, tasks)), following)

    async def letter_count(self, query: LetterQuery) -> AtLeast:
        self._fail()
        return AtLeast(count=len(list(self._dead(query))))

    async def letter_groups(self, query: LetterQuery) -> LetterGroups:
        self._fail()
        found = Counter((task.error or "", type_of(task.action)) for task in self._dead(query))
        groups = (LetterGroup(*key, count, now(), "task") for key, count in found.most_common())
        return LetterGroups(tuple(groups), 0, AtLeast(count=found.total()))

    def _dead_of(self, job_id: str) -> AtLeast:
        return AtLeast(count=len(list(self._dead(LetterQuery(job_id=job_id)))))

    def _line(self, task: Task) -> LetterLine:
        return LetterLine(
            id=task.id,
            job_id=task.job_id,
            title=self.jobs[task.job_id].description,
            step=task.step,
            instant=task.instant,
            finished_at=task.finished_at or now(),
            error=task.error or "",
            attempts=task.attempts,
        )

    async def redrive(self, task_id: str) -> TaskStory:
        return self._revive(task_id, TaskState.READY, redrive(now()).changes)

    async def redrive_all(self, query: LetterQuery) -> BulkView:
        self._fail()
        return BulkView(count=len([await self.redrive(task.id) for task in list(self._dead(query))]))

    async def discard(self, task_id: str) -> TaskStory:
        return self._revive(task_id, TaskState.CANCELLED, discard(now()).changes)

    async def discard_all(self, query: LetterQuery) -> BulkView:
        self._fail()
        return BulkView(count=len([await self.discard(task.id) for task in list(self._dead(query))]))

    def _dead(self, query: LetterQuery) -> Iterator[Task]:
        for job_id, tasks in self.stored_tasks.items():
            owner, dead = self.jobs[job_id].user_id, (task for task in tasks if task.status is TaskState.DEAD)
            yield from (task for task in dead if finds_letter(query, task, owner))

    def _revive(self, task_id: str, status: TaskState, changes: Mapping[str, Any]) -> TaskStory:
        task = self._task(task_id)
        if task.status is not TaskState.DEAD:
            raise Conflict(f"task {task_id} is {task.status.value}: it is no dead letter")
        tasks = self.stored_tasks[task.job_id]
        tasks[tasks.index(task)] = task.model_copy(update={**changes, "status": status})
        return TaskStory.of(self._task(task_id), ())

    # --- the whole ------------------------------------------------------------------------------------

    async def audit(self, query: AuditQuery, *, cursor: str | None) -> AuditPage:
        self._fail()
        wanted = [job for job in self.jobs.values() if query.job_id in (None, job.id)]
        found, following = page_of([j for j in wanted if query.user_id in (None, j.user_id)], cursor, 2)
        return AuditPage(
            since=query.since,
            until=query.until,
            at=now(),
            alive_until=now(),
            counts=Counts(jobs=len(found)),
            findings=tuple(finding for job in found for finding in self.wrong.get(job.id, ())),
            next_cursor=following,
        )

    def needs_token(self, job: JobSpec[Action] | Mapping[str, Any]) -> tuple[str, str] | None:
        return next((found for found in action_types_in(job) if found[1] in self.with_token), None)

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

    def _live(self, job_id: str) -> Job:
        job = self._job(job_id)
        if job.status not in LIVE_STATES:
            raise Conflict(f"job {job_id} is {job.status.value.lower()}")
        return job

    def _task(self, task_id: str) -> Task:
        self._fail()
        for tasks in self.stored_tasks.values():
            for task in tasks:
                if task.id == task_id:
                    return task
        raise NotFound("task", task_id)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
