"""What is read at one look: of one moment as nearly as can be, and with as few waits as possible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from karya.core.errorlog import ErrorLog
from karya.core.job import Job
from karya.core.ports.lifecycle import HistoryPage
from karya.core.ports.store import Page
from karya.core.task import Task


@dataclass(frozen=True, slots=True)
class JobLook:
    """A job and what is stored about it."""

    job: Job
    tasks: Page[Task]
    """As `TaskRepository.of_job` has them."""
    open_tasks: Sequence[Task]
    """As `TaskRepository.open_of_job` has them."""
    taken: Mapping[str, int]
    """How much is taken of the limits that these wait for, by the ids of the limits."""
    errors: Sequence[ErrorLog]
    """The newest, the latest first."""
    dead: int
    """How many of its tasks are dead letters."""
    past: HistoryPage | None
    """None where it was not asked for."""


@dataclass(frozen=True, slots=True)
class TaskLook:
    """A task and what is stored about it."""

    task: Task
    errors: Sequence[ErrorLog]
    """The failed attempts that are on record, the latest first."""
    job: Job | None
    taken: Mapping[str, int]
    """How much is taken of the limits that it waits for, by the ids of the limits."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a job is looked at: a page of its tasks, so many that are open, errors, dead letters and
    entries of its history, none of which is not read at all. The cursors are those of earlier pages."""

    tasks: int
    open_tasks: int
    errors: int
    dead: int
    entries: int
    cursor: str | None = None
    history: str | None = None


class Looks(Protocol):
    """What people look at."""

    async def at_job(self, job_id: str, extent: Extent) -> JobLook | None:
        """A job; None when there is none. Raises InvalidInput for a foreign cursor."""

    async def at_task(self, task_id: str, errors: int) -> TaskLook | None:
        """A task with so many of its errors; None when there is none."""
