"""The job service as one caller may use it: what belongs to others answers as if it did not exist (I10)."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from karya.core.action import Action
from karya.core.errors import Forbidden, InvalidInput, NotFound
from karya.core.ports import JobService, Page
from karya.core.queries import AuditQuery, JobQuery, LetterQuery, Paging
from karya.core.spec import JobSpec
from karya.core.user import Principal, Role
from karya.core.views import (
    AuditPage,
    BulkView,
    CheckedView,
    CheckView,
    ErrorPage,
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
from karya.core.views.lines import JobLine, LetterGroups, LetterLine
from karya.core.views.overview import AtLeast

_NOT_YOURS = "leave it out: a job belongs to whoever submits it"

Q = TypeVar("Q", JobQuery, LetterQuery, AuditQuery)


class Owned:
    """Implements `JobService` for one principal, on top of the one for everybody."""

    def __init__(self, service: JobService, principal: Principal) -> None:
        self.spec_type = service.spec_type
        self._service = service
        self._principal = principal

    # --- reading --------------------------------------------------------------------------------------

    async def get(self, job_id: str) -> JobView:
        """See `JobService.get`."""
        job = await self._service.get(job_id)
        if not self._principal.owns(job.user_id):
            raise NotFound("job", job_id)
        return job

    async def list(self, query: JobQuery, *, cursor: str | None, limit: int) -> JobPage:
        """See `JobService.list`."""
        return await self._service.list(self._narrowed(query), cursor=cursor, limit=limit)

    async def job_lines(self, query: JobQuery, *, cursor: str | None, limit: int) -> Page[JobLine]:
        """See `JobService.job_lines`."""
        return await self._service.job_lines(self._narrowed(query), cursor=cursor, limit=limit)

    async def tasks(self, job_id: str, *, cursor: str | None, limit: int) -> TaskPage:
        """See `JobService.tasks`."""
        await self._mine(job_id)
        return await self._service.tasks(job_id, cursor=cursor, limit=limit)

    async def errors(self, job_id: str, *, cursor: str | None, limit: int) -> ErrorPage:
        """See `JobService.errors`."""
        await self._mine(job_id)
        return await self._service.errors(job_id, cursor=cursor, limit=limit)

    async def task(self, task_id: str, *, cursor: str | None = None, limit: int = 20) -> TaskStory:
        """See `JobService.task`."""
        story = await self._service.task(task_id, cursor=cursor, limit=limit)
        try:
            await self._mine(story.task.job_id)
        except NotFound:
            raise NotFound("task", task_id) from None
        return story

    async def standing(self, task_id: str, *, errors: Paging) -> TaskStanding:
        """See `JobService.standing`."""
        standing = await self._service.standing(task_id, errors=errors)
        if not self._principal.owns(standing.job.user_id):
            raise NotFound("task", task_id)
        return standing

    async def summary(self, job_id: str) -> SummaryView:
        """See `JobService.summary`."""
        await self._mine(job_id)
        return await self._service.summary(job_id)

    async def why(self, job_id: str, *, cursor: str | None, limit: int) -> WhyView:
        """See `JobService.why`."""
        await self._mine(job_id)
        return await self._service.why(job_id, cursor=cursor, limit=limit)

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
        story = await self._service.story(
            job_id, tasks=tasks, waits=waits, errors=errors, history=history, instants=instants
        )
        if not self._principal.owns(story.job.user_id):
            raise NotFound("job", job_id)
        return story

    async def versions(self, job_id: str, *, cursor: str | None, limit: int) -> VersionsView:
        """See `JobService.versions`."""
        await self._mine(job_id)
        return await self._service.versions(job_id, cursor=cursor, limit=limit)

    async def occurrences(self, job_id: str, limit: int) -> PreviewView:
        """See `JobService.occurrences`."""
        await self._mine(job_id)
        return await self._service.occurrences(job_id, limit)

    async def preview(self, spec: JobSpec[Action], limit: int) -> PreviewView:
        """See `JobService.preview`."""
        return await self._service.preview(self._own(spec, "user_id"), limit)

    async def check(self, written: Sequence[Mapping[str, Any]]) -> CheckView:
        """See `JobService.check`. What may not be submitted is an error of the job."""
        view = await self._service.check([self._own_written(one) for one in written])
        pairs = zip(view.jobs, map(self._refusals, written), strict=True)
        return CheckView(jobs=tuple(_with_errors(one, refusals) for one, refusals in pairs))

    async def dead_letters(self, query: LetterQuery, *, cursor: str | None, limit: int) -> TaskPage:
        """See `JobService.dead_letters`."""
        return await self._service.dead_letters(self._narrowed(query), cursor=cursor, limit=limit)

    async def letter_lines(self, query: LetterQuery, *, cursor: str | None, limit: int) -> Page[LetterLine]:
        """See `JobService.letter_lines`."""
        return await self._service.letter_lines(self._narrowed(query), cursor=cursor, limit=limit)

    async def letter_count(self, query: LetterQuery) -> AtLeast:
        """See `JobService.letter_count`."""
        return await self._service.letter_count(self._narrowed(query))

    async def letter_groups(self, query: LetterQuery) -> LetterGroups:
        """See `JobService.letter_groups`."""
        return await self._service.letter_groups(self._narrowed(query))

    async def audit(self, query: AuditQuery, *, cursor: str | None) -> AuditPage:
        """See `JobService.audit`."""
        if query.job_id is not None:
            await self._mine(query.job_id)
        return await self._service.audit(self._narrowed(query), cursor=cursor)

    def needs_token(self, job: JobSpec[Action] | Mapping[str, Any]) -> tuple[str, str] | None:
        """See `JobService.needs_token`."""
        return self._service.needs_token(job)

    async def readiness(self) -> Readiness:
        """See `JobService.readiness`."""
        return await self._service.readiness()

    async def metrics(self) -> bytes:
        """See `JobService.metrics`."""
        return await self._service.metrics()

    # --- changing -------------------------------------------------------------------------------------

    async def submit(self, spec: JobSpec[Action], *, key: str | None = None) -> JobView:
        """See `JobService.submit`."""
        self._may_change()
        self._may_run(spec)
        return await self._service.submit(self._own(spec, "user_id"), key=key)

    async def submit_many(self, specs: Sequence[JobSpec[Action]], *, key: str | None = None) -> Sequence[str]:
        """See `JobService.submit_many`."""
        self._may_change()
        for number, spec in enumerate(specs):
            self._may_run(spec, f"{number}.")
        own = [self._own(spec, f"{number}.user_id") for number, spec in enumerate(specs)]
        return await self._service.submit_many(own, key=key)

    async def cancel(self, job_id: str, *, version: int | None = None) -> JobView:
        """See `JobService.cancel`."""
        await self._to_change(job_id)
        return await self._service.cancel(job_id, version=version)

    async def pause(self, job_id: str) -> JobView:
        """See `JobService.pause`."""
        await self._to_change(job_id)
        return await self._service.pause(job_id)

    async def resume(self, job_id: str) -> JobView:
        """See `JobService.resume`."""
        await self._to_change(job_id)
        return await self._service.resume(job_id)

    async def trigger(self, job_id: str, *, key: str | None = None) -> OccurrenceView:
        """See `JobService.trigger`."""
        await self._to_change(job_id)
        return await self._service.trigger(job_id, key=key)

    async def skip_next(self, job_id: str) -> OccurrenceView:
        """See `JobService.skip_next`."""
        await self._to_change(job_id)
        return await self._service.skip_next(job_id)

    async def update(self, job_id: str, changes: Mapping[str, Any], *, version: int | None = None) -> JobView:
        """See `JobService.update`."""
        await self._to_change(job_id)
        self._may_run(changes)
        return await self._service.update(job_id, changes, version=version)

    async def redrive(self, task_id: str) -> TaskStory:
        """See `JobService.redrive`."""
        await self._letter_to_change(task_id)
        return await self._service.redrive(task_id)

    async def redrive_all(self, query: LetterQuery) -> BulkView:
        """See `JobService.redrive_all`."""
        self._may_change()
        return await self._service.redrive_all(self._narrowed(query))

    async def discard(self, task_id: str) -> TaskStory:
        """See `JobService.discard`."""
        await self._letter_to_change(task_id)
        return await self._service.discard(task_id)

    async def discard_all(self, query: LetterQuery) -> BulkView:
        """See `JobService.discard_all`."""
        self._may_change()
        return await self._service.discard_all(self._narrowed(query))

    # --- the rules ------------------------------------------------------------------------------------

    async def _mine(self, job_id: str) -> None:
        """Whose job it is has to be looked up for those who do not see all."""
        if not self._principal.sees_all:
            await self.get(job_id)

    def _may_change(self) -> None:
        if not self._principal.may(Role.USER):
            raise Forbidden("a viewer only reads: this takes the role user")

    async def _to_change(self, job_id: str) -> None:
        await self._mine(job_id)  # first, since a job of others must not be told from none
        self._may_change()

    async def _letter_to_change(self, task_id: str) -> None:
        if not self._principal.sees_all:
            await self.task(task_id)
        self._may_change()

    def _may_run(self, job: JobSpec[Action] | Mapping[str, Any], prefix: str = "") -> None:
        """Some actions, such as calls of Python functions, take a token even where nobody else needs one."""
        if self._principal.user_id is None and (found := self._service.needs_token(job)) is not None:
            field, kind = found
            raise Forbidden(
                f"{prefix}{field}: an action of type {kind!r} takes a token even on loopback: send one "
                f"(`karya token create`), or let an operator set connectors.{kind}.without_token"
            )

    def _own(self, spec: JobSpec[Action], field: str) -> JobSpec[Action]:
        if self._principal.sees_all:
            return spec
        if spec.user_id not in (None, self._principal.user_id):
            raise InvalidInput.at(field, _NOT_YOURS)
        return spec.model_copy(update={"user_id": self._principal.user_id})

    def _own_written(self, written: Mapping[str, Any]) -> Mapping[str, Any]:
        """As a client wrote it, with its owner."""
        return written if self._principal.sees_all else {**written, "user_id": self._principal.user_id}

    def _refusals(self, written: Mapping[str, Any]) -> Sequence[dict[str, str]]:
        """Why this caller may not submit it."""
        if not self._principal.sees_all and written.get("user_id") not in (None, self._principal.user_id):
            return [{"field": "user_id", "message": _NOT_YOURS}]
        try:
            self._may_run(written)
        except Forbidden as error:
            field, _, message = str(error).partition(": ")
            return [{"field": field, "message": message}]
        return []

    def _narrowed(self, query: Q) -> Q:
        if self._principal.sees_all:
            return query
        if query.user_id not in (None, self._principal.user_id):
            raise InvalidInput.at("user_id", "leave it out: you see your own only")
        return query.model_copy(update={"user_id": self._principal.user_id})


def _with_errors(checked: CheckedView, more: Sequence[dict[str, str]]) -> CheckedView:
    if not more:
        return checked
    return CheckedView(errors=(*checked.errors, *more), spec=None, over=False, namesake=None)
