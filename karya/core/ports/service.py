"""The server, as the gateway and the Python handle see it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from karya.core.action import Action
from karya.core.ports.store import Page
from karya.core.queries import AuditQuery, JobQuery, LetterQuery, Paging
from karya.core.spec import JobSpec
from karya.core.views import (
    AuditPage,
    BulkView,
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


class JobService(Protocol):
    """Everything a client can ask for. Raises InvalidInput, NotFound, Conflict, Forbidden and Unavailable."""

    spec_type: type[JobSpec[Action]]
    """The model of a job for the connectors that are installed here."""

    async def submit(self, spec: JobSpec[Action], *, key: str | None = None) -> JobView:
        """Stores the job with its first tasks; when this returns, both are durable (I1). Conflict when its
        name is that of another live job of its owner.

        `key` is an id of `core.ids.new_id`, minted and kept before the first try: the job gets this id and
        is created at its millisecond, so submitting again gives the same job, as it is by then. Conflict when
        another job was submitted under it, unless that one was changed since.
        """

    async def submit_many(self, specs: Sequence[JobSpec[Action]], *, key: str | None = None) -> Sequence[str]:
        """Stores many jobs, a thousand in one durable write; returns their ids, in the order given. All specs
        are checked before the first is stored: InvalidInput names the item and the field
        (`3.schedule.every`). With a `key` as for `submit`, all ids are derived from it; what an earlier try
        has stored is left as it is."""

    async def get(self, job_id: str) -> JobView:
        """One job."""

    async def list(self, query: JobQuery, *, cursor: str | None, limit: int) -> JobPage:
        """A page of the jobs that the query finds, the newest first."""

    async def job_lines(self, query: JobQuery, *, cursor: str | None, limit: int) -> Page[JobLine]:
        """The same page as people read it: the cursors are those of `list`."""

    async def tasks(self, job_id: str, *, cursor: str | None, limit: int) -> TaskPage:
        """A page of the tasks of a job, the latest instant first."""

    async def errors(self, job_id: str, *, cursor: str | None, limit: int) -> ErrorPage:
        """A page of the failed attempts at the tasks of a job that are on record, the latest first."""

    async def task(self, task_id: str, *, cursor: str | None = None, limit: int = 20) -> TaskStory:
        """One task with a page of its failed attempts that are on record, the latest first."""

    async def standing(self, task_id: str, *, errors: Paging) -> TaskStanding:
        """The same with its job, and with what it waits for. NotFound also where its job is gone."""

    async def summary(self, job_id: str) -> SummaryView:
        """A job with its latest tasks, counts and errors."""

    async def why(self, job_id: str, *, cursor: str | None, limit: int) -> WhyView:
        """For a page of the open tasks of the job, the earliest instant first: what exactly each waits for,
        or who runs it."""

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
        """All that people ask of a job, at one look: these pages of its tasks, of what the open ones wait
        for, of its errors, and of its history unless that is left out; how many dead letters it has, and so
        many next instants."""

    async def check(self, written: Sequence[Mapping[str, Any]]) -> CheckView:
        """What submitting each of these jobs, as a client wrote them, would come to: all that is wrong with
        it, or how it would read once stored, and the job that has its name already. Stores nothing."""

    async def cancel(self, job_id: str, *, version: int | None = None) -> JobView:
        """Cancels a job and all that its chained actions submitted; when this returns, no further attempt of
        them starts (I4, I8). One that is COMPLETED stays so, but those that it submitted are cancelled;
        Conflict when none of them is live; Outdated when the job is not at this `version`."""

    async def pause(self, job_id: str) -> JobView:
        """Pauses a job; when this returns, no further attempt of it starts until it is resumed (I4). What
        runs finishes. Pausing a paused job changes nothing; Conflict for one that has ended."""

    async def resume(self, job_id: str) -> JobView:
        """Resumes a paused job. The instants that passed meanwhile are skipped, and recorded as such; a job
        that was to run once, and its retries, run now. Resuming an active job changes nothing."""

    async def trigger(self, job_id: str, *, key: str | None = None) -> OccurrenceView:
        """Runs one occurrence now, besides the schedule. The same `key`, minted as for `submit`, gives the
        same one. Conflict for a job that is paused or has ended."""

    async def skip_next(self, job_id: str) -> OccurrenceView:
        """Skips the next occurrence that has not started; the schedule goes on behind it. Conflict when there
        is none."""

    async def update(self, job_id: str, changes: Mapping[str, Any], *, version: int | None = None) -> JobView:
        """Changes what the client wrote: the top-level fields that are given replace the job's own. What has
        not been claimed follows the new version, what runs finishes with the old one. An invalid change
        raises InvalidInput and changes nothing; Conflict for a job that has ended, and for a name that is
        taken; Outdated when the job is not at this `version`."""

    async def versions(self, job_id: str, *, cursor: str | None, limit: int) -> VersionsView:
        """A page of what was written of the job over time, of when it was paused, resumed, triggered and
        cancelled, and of what was skipped."""

    async def occurrences(self, job_id: str, limit: int) -> PreviewView:
        """The next instants of a job; stores nothing."""

    async def preview(self, spec: JobSpec[Action], limit: int) -> PreviewView:
        """The first instants of a job that is not stored. Raises InvalidInput where `submit` would."""

    async def dead_letters(self, query: LetterQuery, *, cursor: str | None, limit: int) -> TaskPage:
        """A page of dead letters, the latest first."""

    async def letter_lines(self, query: LetterQuery, *, cursor: str | None, limit: int) -> Page[LetterLine]:
        """The same page as people read it: the cursors are those of `dead_letters`."""

    async def letter_count(self, query: LetterQuery) -> AtLeast:
        """How many dead letters the query finds; counting stops at 1,000."""

    async def letter_groups(self, query: LetterQuery) -> LetterGroups:
        """The dead letters that the query finds among the latest 10,000, by what they died of."""

    async def redrive(self, task_id: str) -> TaskStory:
        """Gives a dead letter a new set of attempts, from now on. Conflict when it is none."""

    async def redrive_all(self, query: LetterQuery) -> BulkView:
        """Redrives every dead letter that the query finds; how many."""

    async def discard(self, task_id: str) -> TaskStory:
        """Gives a dead letter up: it ends as CANCELLED, and expires like other history."""

    async def discard_all(self, query: LetterQuery) -> BulkView:
        """Discards every dead letter that the query finds; how many."""

    async def audit(self, query: AuditQuery, *, cursor: str | None) -> AuditPage:
        """A page of an audit: proves for some of the jobs that each instant of their schedules has exactly
        one fate, and that all that is stored of them follows from their history; names every violation. The
        cursor is one that an earlier page gave; another raises InvalidInput. NotFound for an unknown job."""

    def needs_token(self, job: JobSpec[Action] | Mapping[str, Any]) -> tuple[str, str] | None:
        """The field and the type of the first action, in a job or in a change to one, that only somebody with
        a token may ask for; None when there is none."""

    async def readiness(self) -> Readiness:
        """Whether MongoDB, the scheduler and at least one worker answer."""

    async def metrics(self) -> bytes:
        """The metrics of every actor as Prometheus text."""
