"""A JobService in memory: what the gateway's own tests talk to in place of the real server."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from karya.actors.server.reading import ahead
from karya.actors.server.submissions import minting
from karya.core.action import Action, type_of
from karya.core.chaining import action_types_in
from karya.core.errorkinds import kind_of
from karya.core.errors import Conflict, FieldError, InvalidInput
from karya.core.ids import new_id, numbered_id
from karya.core.job import Job, JobState, new_job, normal_form, warnings_of
from karya.core.occurrence import opening
from karya.core.ports import Page
from karya.core.queries import AuditQuery, JobQuery, LetterQuery, Paging
from karya.core.spec import JobSpec
from karya.core.task import OPEN_STATES, Task, TaskState
from karya.core.times import EPOCH
from karya.core.transitions import discard, redrive
from karya.core.views import (
    AuditPage,
    BulkView,
    ChangeView,
    CheckedView,
    CheckView,
    Counts,
    ErrorPage,
    JobPage,
    JobStory,
    JobView,
    NamesakeView,
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
from tests.support.memory_lists import finds, finds_letter, latest_first, numbered, page_of
from tests.support.memory_steering import MemorySteering


class MemoryService(MemorySteering):
    """Stores jobs and never runs them. `failure` is raised by every call while it is set."""

    # --- taking in ------------------------------------------------------------------------------------

    async def submit(self, spec: JobSpec[Action], *, key: str | None = None) -> JobView:
        self._fail()
        ident = key or new_id(self._now())
        created_at = minting(ident)
        job = self._kept(new_job(spec, created_at, ident=ident))
        return JobView.of(job, self._now(), warnings_of(spec, job.created_at))

    async def submit_many(self, specs: Sequence[JobSpec[Action]], *, key: str | None = None) -> Sequence[str]:
        self._fail()
        made = self._made(specs, key or new_id(self._now()))
        return [self._kept(job).id for job in made]

    def _kept(self, job: Job) -> Job:
        known = self.jobs.get(job.id)
        if known is not None and known.version == 1 and known.spec() != job.spec():
            raise Conflict(f"{job.id} is the key of another job: this one needs a key of its own")
        return known or self._store(job)

    def _made(self, specs: Sequence[JobSpec[Action]], whole: str) -> Sequence[Job]:
        created_at = minting(whole)
        jobs, errors = list[Job](), list[FieldError]()
        for number, spec in enumerate(specs):
            try:
                jobs.append(numbered(number, spec, created_at, numbered_id(whole, number)))
            except InvalidInput as error:
                errors += error.errors
        if found := errors or list(self._clashes(jobs)):
            raise InvalidInput(found)
        return jobs

    def _clashes(self, jobs: Sequence[Job]) -> Iterator[FieldError]:
        items: dict[tuple[str | None, str], int] = {}
        for number, job in enumerate(jobs):
            if job.name is None:
                continue
            first = items.setdefault((job.user_id, job.name), number)
            if first != number:
                yield FieldError(f"{number}.name", f"{job.name!r} is the name of item {first}, too")
            elif (other := self._namesake(job.user_id, job.name)) is not None and other.id != job.id:
                yield FieldError(f"{number}.name", f"{job.name!r} is taken by job {other.id}")

    def _store(self, new: Job) -> Job:
        self._must_be_free(new)
        job, tasks = opening(new)
        self.jobs[job.id] = job
        self.stored_tasks[job.id] = list(tasks)
        entry = ChangeView(at=job.created_at, kind="submitted", version=1, spec=dict(job.spec()))
        self.changes[job.id] = [entry]
        return job

    # --- reading --------------------------------------------------------------------------------------

    async def get(self, job_id: str) -> JobView:
        return JobView.of(self._job(job_id), self._now())

    async def list(self, query: JobQuery, *, cursor: str | None, limit: int) -> JobPage:
        self._fail()
        newest = latest_first(self.jobs.values(), lambda job: job.created_at)
        found = [JobView.of(job, self._now()) for job in newest if finds(query, job)]
        jobs, following = page_of(found, cursor, limit)
        return JobPage(jobs=jobs, next_cursor=following)

    async def job_lines(self, query: JobQuery, *, cursor: str | None, limit: int) -> Page[JobLine]:
        page = await self.list(query, cursor=cursor, limit=limit)
        return Page(tuple(JobLine(job, self._dead_of(job.id)) for job in page.jobs), page.next_cursor)

    async def tasks(self, job_id: str, *, cursor: str | None, limit: int) -> TaskPage:
        tasks = self.stored_tasks[self._job(job_id).id]
        return TaskPage.of(*page_of(latest_first(tasks, lambda task: task.instant), cursor, limit))

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
        wait = wait_of(job, task, (), self._now()) if task.status in OPEN_STATES else None
        story = await self.task(task_id, **dict(errors))
        return TaskStanding(story=story, job=JobView.of(job, self._now()), wait=wait)

    async def summary(self, job_id: str) -> SummaryView:
        job = self._job(job_id)
        tasks = self.stored_tasks[job.id]
        counts = Counter(task.status for task in tasks)
        return SummaryView.of(job, self._now(), counts, tasks, ())

    async def why(self, job_id: str, *, cursor: str | None, limit: int) -> WhyView:
        job = self._job(job_id)
        tasks = [task for task in self.stored_tasks[job_id] if task.status in OPEN_STATES]
        found, following = page_of(tasks, cursor, limit)
        return why(job, found, (), self._now()).model_copy(update={"next_cursor": following})

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
        skipped = () if cursor else self.skips.get(job_id, ())
        return VersionsView(changes=changes, skipped=tuple(skipped), next_cursor=following)

    async def occurrences(self, job_id: str, limit: int) -> PreviewView:
        return await ahead(self._job(job_id), self._now(), limit)

    async def preview(self, spec: JobSpec[Action], limit: int) -> PreviewView:
        self._fail()
        new_job(spec, self._now())
        return PreviewView.of_schedule(spec.schedule, self._now(), limit)

    async def check(self, written: Sequence[Mapping[str, Any]]) -> CheckView:
        self._fail()
        return CheckView(jobs=tuple(map(self._checked, written)))

    def _checked(self, written: Mapping[str, Any]) -> CheckedView:
        now = self._now()
        try:
            spec = self._checked_spec(written)
            form, over = normal_form(spec, now), spec.schedule.is_over(now)
            if not over:
                new_job(spec, now)
        except InvalidInput as error:
            errors = tuple({"field": one.field, "message": one.message} for one in error.errors)
            return CheckedView(errors=errors, spec=None, over=False, namesake=None)
        namesake = self._namesake(spec.user_id, spec.name, JobState.COMPLETED)
        told = namesake and NamesakeView(
            id=namesake.id, version=namesake.version, status=namesake.status, spec=dict(namesake.spec())
        )
        return CheckedView(errors=(), spec=dict(form), over=over, namesake=told)

    # --- dead letters ---------------------------------------------------------------------------------

    async def dead_letters(self, query: LetterQuery, *, cursor: str | None, limit: int) -> TaskPage:
        self._fail()
        return TaskPage.of(*page_of(self._letters(query), cursor, limit))

    async def letter_lines(self, query: LetterQuery, *, cursor: str | None, limit: int) -> Page[LetterLine]:
        self._fail()
        tasks, following = page_of(self._letters(query), cursor, limit)
        return Page(tuple(map(self._line, tasks)), following)

    async def letter_count(self, query: LetterQuery) -> AtLeast:
        self._fail()
        return AtLeast(count=len(self._letters(query)))

    async def letter_groups(self, query: LetterQuery) -> LetterGroups:
        self._fail()
        kinds: dict[tuple[str, str], list[LetterLine]] = {}
        for task in self._letters(query):
            kinds.setdefault((kind_of(task.error or ""), type_of(task.action)), []).append(self._line(task))
        groups = [
            LetterGroup(*kind, len(found), found[0].finished_at, found[0].id) for kind, found in kinds.items()
        ]
        groups.sort(key=lambda group: group.count, reverse=True)
        return LetterGroups(tuple(groups), 0, AtLeast(count=sum(group.count for group in groups)))

    def _letters(self, query: LetterQuery) -> Sequence[Task]:
        return latest_first(self._dead(query), lambda letter: letter.finished_at or EPOCH)

    def _dead_of(self, job_id: str) -> AtLeast:
        return AtLeast(count=len(list(self._dead(LetterQuery(job_id=job_id)))))

    def _line(self, task: Task) -> LetterLine:
        return LetterLine(
            id=task.id,
            job_id=task.job_id,
            title=self.jobs[task.job_id].description,
            step=task.step,
            instant=task.instant,
            finished_at=task.finished_at or self._now(),
            error=task.error or "",
            attempts=task.attempts,
        )

    async def redrive(self, task_id: str) -> TaskStory:
        letter = self._letter(task_id)
        if not self._may_run(letter):
            raise Conflict(
                f"job {letter.job_id} is cancelled, so nothing of it runs any more: discard its dead letters"
            )
        held = self.jobs[letter.job_id].status is JobState.PAUSED
        return TaskStory.of(self._move(letter, redrive(self._now()), held=held), ())

    async def redrive_all(self, query: LetterQuery) -> BulkView:
        self._fail()
        found = [letter for letter in self._letters(query) if self._may_run(letter)]
        return BulkView(count=len([await self.redrive(letter.id) for letter in found]))

    async def discard(self, task_id: str) -> TaskStory:
        return TaskStory.of(self._move(self._letter(task_id), discard(self._now())), ())

    async def discard_all(self, query: LetterQuery) -> BulkView:
        self._fail()
        return BulkView(count=len([await self.discard(letter.id) for letter in self._letters(query)]))

    def _may_run(self, letter: Task) -> bool:
        return self.jobs[letter.job_id].status is not JobState.CANCELLED

    def _letter(self, task_id: str) -> Task:
        task = self._task(task_id)
        if task.status is not TaskState.DEAD:
            raise Conflict(f"task {task_id} is {task.status.value}: it is no dead letter")
        return task

    def _dead(self, query: LetterQuery) -> Iterator[Task]:
        for job_id, tasks in self.stored_tasks.items():
            owner, dead = self.jobs[job_id].user_id, (task for task in tasks if task.status is TaskState.DEAD)
            yield from (task for task in dead if finds_letter(query, task, owner))

    # --- the whole ------------------------------------------------------------------------------------

    async def audit(self, query: AuditQuery, *, cursor: str | None) -> AuditPage:
        self._fail()
        wanted = [job for job in self.jobs.values() if query.job_id in (None, job.id)]
        found, following = page_of([j for j in wanted if query.user_id in (None, j.user_id)], cursor, 2)
        return AuditPage(
            since=query.since,
            until=query.until,
            at=self._now(),
            alive_until=self._now(),
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
