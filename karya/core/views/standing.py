"""How a job stands: what comes, what was done to it, what it waits for."""

from datetime import datetime
from typing import Any

from karya.core.schedule import Schedule
from karya.core.times import Instant
from karya.core.views.base import View
from karya.core.views.jobs import JobView
from karya.core.views.overview import AtLeast
from karya.core.views.tasks import ErrorPage, TaskPage, TaskStory, TaskView


class OccurrenceView(View):
    """One occurrence of a job with its tasks."""

    job_id: str
    cause: str
    instant: Instant
    tasks: tuple[TaskView, ...]


class PreviewView(View):
    """The next instants of a schedule. With jitter an occurrence starts up to so much later: `due_at` says
    when, where that is known."""

    instants: tuple[Instant, ...]
    due_at: tuple[Instant, ...]

    @classmethod
    def of_schedule(cls, schedule: Schedule, now: datetime, limit: int) -> "PreviewView":
        """Of a job that would be submitted now; the jitter depends on the id that it has not got yet."""
        instants = tuple(schedule.preview(now, limit))
        return cls(instants=instants, due_at=() if schedule.jitter else instants)


class ChangeView(View):
    """One entry in the history of a job: what was done, and the version that it left. `spec` is what the
    client had written, for the kinds `submitted` and `updated`."""

    at: Instant
    kind: str
    version: int
    spec: dict[str, Any] | None


class SkipView(View):
    """Instants of the schedule that were skipped, both ends included."""

    first: Instant
    last: Instant
    count: int
    reason: str
    at: Instant


class VersionsView(View):
    """One page of the history of a job: what was done to it and what was skipped of it, each the latest
    first. `next_cursor` goes on with both; one of them may be at its end before the other."""

    changes: tuple[ChangeView, ...]
    skipped: tuple[SkipView, ...]
    next_cursor: str | None


class Wait(View):
    """Why one task does not run: `kind` for machines, `text` for people, `until` where it is known."""

    task_id: str
    step: str
    instant: Instant
    kind: str
    text: str
    until: Instant | None


class WhyView(View):
    """Why a job does not run right now, and of a page of its open tasks, the earliest instant first, what
    each waits for; empty `tasks` with a `text` when it is not about its tasks."""

    job_id: str
    text: str
    tasks: tuple[Wait, ...]
    next_cursor: str | None = None


class JobStory(View):
    """All that people ask of a job, from one look at it: a page of its tasks, of what the open ones wait for,
    of its errors, and of its history where that was asked for; how many dead letters it has, and its next
    instants."""

    job: JobView
    tasks: TaskPage
    why: WhyView
    errors: ErrorPage
    dead: AtLeast
    ahead: PreviewView
    versions: VersionsView | None


class TaskStanding(View):
    """All that people ask of a task, from one look at it: its story, its job, and what it waits for if it is
    open; of one that runs, who holds it."""

    story: TaskStory
    job: JobView
    wait: Wait | None
